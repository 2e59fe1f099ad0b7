package message

import (
	"fmt"

	"golang.org/x/text/encoding/korean"
)

// Most bytes of a text message, in CP949 as Korean carriers count.
const (
	MaxSMS        = 90
	MaxLMS        = 2000
	MaxLMSSubject = 40
)

// Bytes counts a text as Korean carriers do: in CP949, one byte an ASCII character
// and two a Hangul syllable. A character that CP949 lacks is an error, since a
// carrier would replace it or refuse the message.
func Bytes(text string) (int, error) {
	n := 0
	encoder := korean.EUCKR.NewEncoder() // in x/text this is CP949
	for _, r := range text {
		if r < 0x80 {
			n++
			continue
		}
		b, err := encoder.String(string(r))
		if err != nil {
			return 0, fmt.Errorf("a text message cannot show %q (%U)", r, r)
		}
		n += len(b)
	}
	return n, nil
}
