package sqlstore

import (
	"math/bits"
	"slices"
	"strconv"

	"github.com/dangol-dev/dangol"
	"github.com/dangol-dev/dangol/store"
)

// fewNumbers is up to how many numbers are sorted faster by comparing them.
const fewNumbers = 128

// numberedIDs are ids that are numbers, in the order of the bytes of their text, each
// once. Numbers are put in that order before they become text, which takes half as long
// as to sort their texts. It takes the numbers over.
func numberedIDs(numbers []int64) store.IDs {
	if len(numbers) == 0 {
		return nil
	}
	least, greatest := int64(0), int64(0)
	for _, n := range numbers {
		least, greatest = min(least, n), max(greatest, n)
	}
	longest := digits(greatest)
	if least < 0 || longest > mostDigits {
		ids := make([]dangol.CustomerID, len(numbers))
		for i, n := range numbers {
			ids[i] = dangol.CustomerID(strconv.FormatInt(n, 10))
		}
		return store.NewIDs(ids)
	}
	// A number with zeros behind it up to the longest length, and then its own length,
	// orders as its text does: 7 < 70 < 700 < 71.
	keys := numbers
	for i, n := range numbers {
		d := digits(n)
		keys[i] = n*powers[longest-d]<<lengthBits | int64(d)
	}
	keys = slices.Compact(sortedKeys(keys))
	text := make([]byte, 0, (len(keys)+1)*longest)
	for _, k := range keys {
		from, n := len(text), uint64(k>>lengthBits)
		text = text[:from+longest]
		for at := len(text) - 1; at >= from; at-- {
			text[at], n = byte('0'+n%10), n/10
		}
		text = text[:from+int(k&lengthMask)] // without the zeros behind it
	}
	all := dangol.CustomerID(text)
	ids := make(store.IDs, len(keys))
	for i, k := range keys {
		d := int(k & lengthMask)
		ids[i], all = all[:d], all[d:]
	}
	return ids
}

// mostDigits of a number and its length fit 64 bits.
const (
	mostDigits = 17
	lengthBits = 5
	lengthMask = 1<<lengthBits - 1
)

// powers of ten.
var powers = func() (out [19]int64) {
	out[0] = 1
	for i := 1; i < len(out); i++ {
		out[i] = 10 * out[i-1]
	}
	return out
}()

// digits is how long a number that is not negative is as text.
func digits(n int64) int {
	d := bits.Len64(uint64(n)) * 1233 >> 12 // by the logarithm of 2: as long, or one more
	if n >= powers[d] {
		d++
	}
	return max(d, 1)
}

// sortedKeys sorts keys, some bits at a time.
func sortedKeys(keys []int64) []int64 {
	if len(keys) <= fewNumbers {
		slices.Sort(keys)
		return keys
	}
	width := bits.Len64(uint64(slices.Max(keys)))
	passes := (width + 10) / 11
	step := (width + passes - 1) / passes
	spare := make([]int64, len(keys))
	var starts [1 << 11]uint32
	for shift := 0; shift < width; shift += step {
		mask := int64(1)<<step - 1
		clear(starts[:])
		for _, k := range keys {
			starts[k>>shift&mask]++
		}
		next := uint32(0)
		for i, n := range starts[:mask+1] {
			starts[i], next = next, next+n
		}
		for _, k := range keys {
			at := k >> shift & mask
			spare[starts[at]] = k
			starts[at]++
		}
		keys, spare = spare, keys
	}
	return keys
}
