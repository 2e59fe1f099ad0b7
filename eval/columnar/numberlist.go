package columnar

import (
	"math/bits"
	"slices"
)

// numberList is a list of whole numbers that grows at its end. It keeps them in blocks:
// the least number of each, and of every number the distance from that one in as many
// bits as the block's largest needs. The numbers after the last full block stand as
// they are. A copy of the struct stays what it is while the list grows.
type numberList struct {
	blocks []numberBlock
	words  []uint64
	tail   []int64
	lead   int // numbers before all of these, which are the same
	same   int64
	n      int
}

type numberBlock struct {
	least int64
	first uint32 // word where the block starts
	width uint8  // bits a number
}

const (
	numberBits    = 7
	numbersABlock = 1 << numberBits
)

func (p *numberList) append(v int64) {
	p.tail = append(p.tail, v)
	if p.n++; len(p.tail) < numbersABlock {
		return
	}
	least, most := slices.Min(p.tail), slices.Max(p.tail)
	b := numberBlock{least: least, first: uint32(len(p.words)), width: uint8(bits.Len64(uint64(most) - uint64(least)))}
	p.blocks = append(p.blocks, b)
	word, used := uint64(0), uint8(0)
	for _, v := range p.tail {
		d := uint64(v) - uint64(least)
		word |= d << used
		if used += b.width; used >= 64 {
			p.words = append(p.words, word)
			used -= 64
			word = d >> (b.width - used) // none of it where it ends with the word
		}
	}
	p.tail = nil
}

// repeat makes an empty list one of n times the same number.
func (p *numberList) repeat(v int64, n int) { p.same, p.lead, p.n = v, n, n }

func (p *numberList) at(i int) int64 {
	if i -= p.lead; i < 0 {
		return p.same
	}
	at := i >> numberBits
	if at == len(p.blocks) {
		return p.tail[i&(numbersABlock-1)]
	}
	b := &p.blocks[at]
	if b.width == 0 {
		return b.least
	}
	bit := uint(i&(numbersABlock-1)) * uint(b.width)
	word, shift := int(b.first)+int(bit>>6), bit&63
	d := p.words[word] >> shift
	if shift+uint(b.width) > 64 {
		d |= p.words[word+1] << (64 - shift)
	}
	return b.least + int64(d&(1<<b.width-1))
}

// clip gives back what the list keeps free to grow.
func (p *numberList) clip() {
	p.blocks, p.words, p.tail = slices.Clone(p.blocks), slices.Clone(p.words), slices.Clone(p.tail)
}

func (p *numberList) bytes() int { return 16*cap(p.blocks) + 8*(cap(p.words)+cap(p.tail)) }
