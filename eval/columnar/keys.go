package columnar

import (
	"cmp"
	"slices"
	"strconv"
)

// keys are the keys of a log's rows. Those that are decimal numbers, as strconv writes
// them or all of the same length, are kept as numbers, others as text. Rows that were
// loaded in columns without keys are nameless: they keep the order they came in,
// before those that have a key, and go only with their customer.
type keys struct {
	list     numberList // numbers; nameless; or, below that, the places of texts
	texts    []string
	numbered bool // there are numbers
	digits   int  // of each number, with leading zeros; 0: as strconv writes them
}

// nameless stands in the list for no key.
const nameless = -1

// textAt is what stands in the list for a text, and the other way round.
func textAt(v int64) int64 { return nameless - 1 - v }

// decimal is the number that a key spells, not ok when it spells none or spells
// it in another way than keys of so many digits do.
func decimal(key string, digits int) (int64, bool) {
	switch {
	case key == "" || len(key) > 18:
		return 0, false
	case digits > 0 && len(key) != digits, digits == 0 && key[0] == '0' && len(key) > 1:
		return 0, false
	}
	n := int64(0)
	for _, c := range []byte(key) {
		if c < '0' || c > '9' {
			return 0, false
		}
		n = n*10 + int64(c-'0')
	}
	return n, true
}

// digitsOf is how many digits the keys of a log have whose first key this is.
func digitsOf(key string) int {
	if len(key) > 1 && key[0] == '0' {
		return len(key)
	}
	return 0
}

// spelled is the key of a number.
func spelled(to []byte, n int64, digits int) []byte {
	at := len(to)
	to = strconv.AppendInt(to, n, 10)
	for len(to)-at < digits {
		to = slices.Insert(to, at, '0')
	}
	return to
}

// append adds the key of the next row.
func (k *keys) append(key string) {
	if !k.numbered {
		k.digits = digitsOf(key)
	}
	if n, ok := decimal(key, k.digits); ok {
		k.numbered = true
		k.list.append(n)
		return
	}
	k.list.append(textAt(int64(len(k.texts))))
	k.texts = append(k.texts, key)
}

// has tells whether row i has a key.
func (k *keys) has(i int) bool { return k.list.at(i) != nameless }

// at is the key of row i; a nameless row is called by its number.
func (k *keys) at(i int) string {
	if v := k.list.at(i); v < nameless {
		return k.texts[textAt(v)]
	}
	return string(k.appendTo(nil, i))
}

// appendTo adds the key of row i to a text.
func (k *keys) appendTo(to []byte, i int) []byte {
	switch v := k.list.at(i); {
	case v == nameless:
		return strconv.AppendInt(append(to, '#'), int64(i), 10)
	case v < nameless:
		return append(to, k.texts[textAt(v)]...)
	default:
		return spelled(to, v, k.digits)
	}
}

// compare orders two rows by the bytes of their keys.
func (k *keys) compare(i, j int) int {
	a, b := k.list.at(i), k.list.at(j)
	switch {
	case a == nameless && b == nameless:
		return cmp.Compare(i, j)
	case a == nameless:
		return -1
	case b == nameless:
		return 1
	case a > nameless && b > nameless:
		return compareNumbers(a, b, k.digits)
	case a < nameless && b < nameless:
		return cmp.Compare(k.texts[textAt(a)], k.texts[textAt(b)])
	}
	return cmp.Compare(k.at(i), k.at(j))
}

// compareNumbers orders two numbers by the bytes of their keys.
func compareNumbers(m, n int64, digits int) int {
	if digits > 0 || digitsIn(m) == digitsIn(n) {
		return cmp.Compare(m, n)
	}
	var a, b [20]byte
	return slices.Compare(spelled(a[:0], m, 0), spelled(b[:0], n, 0))
}

// digitsIn is how many digits a number has.
func digitsIn(n int64) int {
	digits := 1
	for limit := int64(10); n >= limit; limit *= 10 { // 18 digits at most: see decimal
		digits++
	}
	return digits
}

// spelling is how keys keep a key: as a number or as a text.
type spelling struct {
	text     string
	number   int64
	numbered bool
}

// like is how a key would be kept; some is false where no row can have it.
func (k *keys) like(key string) (want spelling, some bool) {
	if n, ok := decimal(key, k.digits); ok && k.numbered {
		return spelling{number: n, numbered: true}, true
	}
	return spelling{text: key}, len(k.texts) > 0
}

// is tells whether row i has the key.
func (k *keys) is(i int, want spelling) bool {
	v := k.list.at(i)
	if want.numbered {
		return v == want.number
	}
	return v < nameless && k.texts[textAt(v)] == want.text
}

// spelling is the key of row i, not ok where it has none.
func (k *keys) spelling(i int) (spelling, bool) {
	switch v := k.list.at(i); {
	case v == nameless:
		return spelling{}, false
	case v < nameless:
		return spelling{text: k.texts[textAt(v)]}, true
	default:
		return spelling{number: v, numbered: true}, true
	}
}

// pick is the keys of rows, in their order.
func (k *keys) pick(rows []uint32) keys {
	out := keys{numbered: k.numbered, digits: k.digits}
	for _, row := range rows {
		v := k.list.at(int(row))
		if v < nameless {
			out.texts = append(out.texts, k.texts[textAt(v)])
			v = textAt(int64(len(out.texts) - 1))
		}
		out.list.append(v)
	}
	out.list.clip()
	return out
}

func (k *keys) bytes() int {
	n := k.list.bytes() + 16*cap(k.texts)
	for _, s := range k.texts {
		n += len(s)
	}
	return n
}
