package segment_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dangol-dev/dangol"
	"github.com/dangol-dev/dangol/dsl/rulefile"
	"github.com/dangol-dev/dangol/segment"
)

func ruleFile(t *testing.T, text string) *rulefile.File {
	f, err := rulefile.Read("groups.yaml", []byte(text))
	require.NoError(t, err)
	return f
}

const declaredGroups = `
groups:
  - name: 관심 고객
    description: looked, did not buy
    rule: in group "방문자" and not in group "구매자"
  - name: 방문자
    schedule: every 15min
    rule: |
      visits(30d)     # any page
      or logins(30d)
  - name: 구매자
    rule: orders >= 1
`

func TestDeclareAFile(t *testing.T) {
	ctx := t.Context()
	s, err := segment.New(segment.Config{Data: shopData(t)})
	require.NoError(t, err)
	told := func(text string) (out []string) {
		done, err := s.Declare(ctx, ruleFile(t, text))
		require.NoError(t, err)
		for _, d := range done {
			out = append(out, d.Name+" "+d.What)
		}
		return out
	}
	require.Equal(t, []string{"구매자 created", "방문자 created", "관심 고객 created"}, told(declaredGroups), "what is read comes first")
	require.Equal(t, []string{"구매자 unchanged", "방문자 unchanged", "관심 고객 unchanged"}, told(declaredGroups))

	list, err := s.List(ctx)
	require.NoError(t, err)
	visitors := list[2]
	require.Equal(t, "방문자", visitors.Name)
	require.Equal(t, 15*time.Minute, visitors.Schedule.Every)
	require.Contains(t, visitors.Rule, "# any page", "the text is the truth, with its comments")
	require.NoError(t, s.Hold(ctx, visitors.ID, dangol.Use{By: "message", Kind: dangol.UseSend, ID: "m", Name: "campaign"}))
	done, err := s.Declare(ctx, ruleFile(t, "groups:\n  - {name: 방문자, rule: visits(7d)}\n  - {name: 구매자, rule: orders >= 2}\n  - {name: 관심 고객, scope: both, rule: cart_lines >= 1}\n"))
	require.NoError(t, err)
	require.ErrorIs(t, done[0].Err, segment.ErrHeld)
	require.Equal(t, "refused", done[0].What)
	require.NoError(t, done[1].Err, "one refusal disturbs no other group")
	require.Equal(t, "edited", done[1].What)
	require.ErrorIs(t, done[2].Err, segment.ErrFixed)
}

func TestDeclareTellsThePlace(t *testing.T) {
	s, err := segment.New(segment.Config{Data: shopData(t)})
	require.NoError(t, err)
	_, err = s.Declare(t.Context(), ruleFile(t, "groups:\n  - name: good\n    rule: orders\n  - name: bad\n    rule: |\n      orders and\n      not order(7d)\n  - name: worse\n    rule: in group \"nobody\"\n"))
	var wrong *rulefile.Error
	require.ErrorAs(t, err, &wrong)
	require.ErrorContains(t, err, "groups.yaml:7:11: unknown-name")
	require.ErrorContains(t, err, "groups.yaml:9:")
	list, err := s.List(t.Context())
	require.NoError(t, err)
	require.Empty(t, list, "nothing is saved of a file with an error")

	_, err = s.Declare(t.Context(), ruleFile(t, "groups:\n  - {name: a, rule: 'in group \"b\"'}\n  - {name: b, rule: 'in group \"a\"'}\n"))
	require.ErrorIs(t, err, segment.ErrCycle)
}
