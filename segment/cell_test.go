package segment

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestSafeCell(t *testing.T) {
	for cell, want := range map[string]string{
		"": "", "kim": "kim", "-12.5": "-12.5", "12": "12", "a=b": "a=b", "e-mail": "e-mail",
		"=1+1": "'=1+1", "+82 10": "'+82 10", "@SUM(A1)": "'@SUM(A1)", "-": "'-", "-1+2": "'-1+2", "\t=1": "'\t=1", " @x": "' @x", "＝1": "'＝1",
	} {
		require.Equal(t, want, safeCell(cell))
	}
	require.Equal(t, []string{"5", "-5", "0.05", "-0.05", "123.45"}, []string{decimal(5, 0), decimal(-5, 0), decimal(5, 2), decimal(-5, 2), decimal(12345, 2)})
}

// No cell that leaves starts a formula.
func FuzzSafeCell(f *testing.F) {
	for _, seed := range []string{"=1", " +1", "-2", "@x", "\r\n=cmd|' /C calc'!A0", "＋"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, cell string) {
		out := safeCell(cell)
		require.Equal(t, cell, out[len(out)-len(cell):], "nothing is lost")
		head := strings.TrimLeft(out, " \t\r\n")
		if head != "" && strings.ContainsRune("=+@＝＋－＠", []rune(head)[0]) {
			t.Fatalf("%q", out)
		}
		if strings.HasPrefix(head, "-") && (head != out || strings.Trim(head[1:], "0123456789.") != "" || len(head) == 1) {
			t.Fatalf("%q", out)
		}
	})
}
