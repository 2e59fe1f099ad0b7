package columnar

import (
	"cmp"
	"slices"
	"strconv"

	"github.com/dangol-dev/dangol/dsl/catalog"
)

// keys are the keys of a log's rows: numbers where all of them are decimal
// numbers, as strconv writes them or all of the same length, else text. Rows that
// were loaded in columns without keys are nameless: they keep the order they came
// in, before those that have a key, and go only with their customer.
type keys struct {
	numbers *codes // code 0 is nameless
	digits  int    // of each number, with leading zeros; 0: as strconv writes them
	text    []string
	none    bool // all are nameless
}

// nameless is the text of a key that is none.
const nameless = "\x00nameless"

func newKeys() keys { return keys{numbers: newCodes(catalog.Type{Sort: catalog.Number})} }

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

// append adds the key of the next row, which is row i.
func (k *keys) append(i int, key string, epoch uint64) {
	if k.none {
		*k = newKeys()
		k.numbers.extend(i, epoch)
	}
	if k.numbers != nil {
		if k.numbers.max == 0 {
			k.digits = digitsOf(key)
		}
		if n, ok := decimal(key, k.digits); ok {
			k.numbers.append(k.numbers.encode(n, epoch), epoch)
			return
		}
		k.spell()
	}
	k.text = append(k.text, key)
}

// spell turns numbers into text.
func (k *keys) spell() {
	k.text = make([]string, k.numbers.n, k.numbers.n+k.numbers.n/4+1)
	for i := range k.text {
		k.text[i] = nameless
		if k.has(i) {
			k.text[i] = k.at(i)
		}
	}
	k.numbers, k.digits = nil, 0
}

// has tells whether row i has a key.
func (k *keys) has(i int) bool {
	switch {
	case k.none:
		return false
	case k.numbers != nil:
		return k.numbers.at(i) != 0
	}
	return k.text[i] != nameless
}

// at is the key of row i; a nameless row is called by its number.
func (k *keys) at(i int) string {
	if k.has(i) && k.numbers == nil {
		return k.text[i]
	}
	return string(k.appendTo(nil, i))
}

// appendTo adds the key of row i to a text.
func (k *keys) appendTo(to []byte, i int) []byte {
	switch {
	case !k.has(i):
		return strconv.AppendInt(append(to, '#'), int64(i), 10)
	case k.numbers != nil:
		return spelled(to, k.numbers.value(k.numbers.at(i)), k.digits)
	}
	return append(to, k.text[i]...)
}

// compare orders two rows by the bytes of their keys.
func (k *keys) compare(i, j int) int {
	if x, y := k.has(i), k.has(j); !x || !y {
		switch {
		case x:
			return 1
		case y:
			return -1
		}
		return cmp.Compare(i, j)
	}
	if k.numbers == nil {
		return cmp.Compare(k.text[i], k.text[j])
	}
	return compareNumbers(k.numbers.value(k.numbers.at(i)), k.numbers.value(k.numbers.at(j)), k.digits)
}

// compareNumbers orders two numbers by the bytes of their keys.
func compareNumbers(m, n int64, digits int) int {
	if digits > 0 {
		return cmp.Compare(m, n)
	}
	var a, b [20]byte
	return slices.Compare(spelled(a[:0], m, 0), spelled(b[:0], n, 0))
}

// like tells of rows whether they have a key; some is false where none can have it.
func (k *keys) like(key string) (is func(row uint32) bool, some bool) {
	switch {
	case k.none:
		return nil, false
	case k.numbers == nil:
		return func(row uint32) bool { return k.text[row] == key }, key != nameless
	}
	n, ok := decimal(key, k.digits)
	code, fits := k.numbers.code(n)
	if !ok || !fits {
		return nil, false
	}
	return func(row uint32) bool { return k.numbers.at(int(row)) == code }, true
}

func (k *keys) pick(rows []uint32, epoch uint64) keys {
	switch {
	case k.none:
		return keys{none: true}
	case k.numbers != nil:
		return keys{numbers: k.numbers.pick(rows, epoch), digits: k.digits}
	}
	return keys{text: picked(k.text, rows)}
}

func (k *keys) bytes() int {
	if k.numbers != nil {
		return k.numbers.bytes()
	}
	n := 16 * cap(k.text)
	for _, s := range k.text {
		n += len(s)
	}
	return n
}
