package rulefile_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dangol-dev/dangol/dsl/rulefile"
	"github.com/dangol-dev/dangol/dsl/source"
)

// The ways in which YAML can write a scalar, and what of the file is shown for
// the word "total" of the rule.
func TestPlacesOfOddScalars(t *testing.T) {
	for name, c := range map[string]struct{ rule, want string }{
		"tag":                       {`!!str 'points = total'`, "total"},
		"anchor":                    {`&r points = total`, "total"},
		"tag on a line of its own":  {"!!str\n      points = total", "total"},
		"short escape":              {`"points =\ttotal"`, "total"},
		"hexadecimal escape":        {`"points = \x74otal"`, `\x74otal`},
		"16-bit escape":             {`"points = tot\u0061l"`, `tot\u0061l`},
		"32-bit escape":             {`"points = tota\U0000006c"`, `tota\U0000006c`},
		"escaped line break":        {"\"points = to\\\n      tal\"", "to\\\n      tal"},
		"escape before it":          {`"\u0070oints = total"`, "total"},
		"doubled quote before it":   {"'city = ''a'' and points = total'", "total"},
		"folded line before it":     {">\n      points\n      = total\n", "total"},
		"more indented line":        {"|\n      points\n        = total\n", "total"},
		"given indentation":         {"|2\n      points = total\n", "total"},
		"blank lines in a block":    {"|+\n\n      points\n\n      = total\n\n", "total"},
		"comment behind the header": {"| # note\n      points = total\n", "total"},
	} {
		t.Run(name, func(t *testing.T) {
			file := "groups:\n  - name: a\n    rule: " + c.rule + "\n    scope: both\n"
			f, err := rulefile.Read("f", []byte(file))
			require.NoError(t, err)
			r := f.Groups[0].Rule
			at := strings.Index(r.Text, "total")
			place := r.At.Span(source.Span{Start: at, End: at + len("total")})
			require.Equal(t, c.want, file[place.Start:place.End])

			out, err := rulefile.Format("f", []byte(file))
			require.NoError(t, err)
			again, err := rulefile.Read("f", out)
			require.NoError(t, err)
			require.Contains(t, again.Groups[0].Rule.Text, "points")
			require.Equal(t, "both", again.Groups[0].Scope)
		})
	}
}
