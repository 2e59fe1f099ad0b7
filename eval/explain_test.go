package eval_test

import (
	"encoding/json"
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dangol-dev/dangol/dsl/catalog"
	"github.com/dangol-dev/dangol/eval"
	"github.com/dangol-dev/dangol/eval/compile"
	"github.com/dangol-dev/dangol/eval/plan"
)

func explain(t *testing.T, text string, c *eval.Customer, env eval.Env, o eval.ExplainOptions) *eval.Explanation {
	t.Helper()
	e, err := eval.Explain(compiled(t, compiler(t), text), c, env, o)
	require.NoError(t, err)
	return e
}

func TestExplainAsData(t *testing.T) {
	c, env := regular()
	c.Attributes["name"] = catalog.StringValue("김서연")
	e := explain(t, `name = "김서연" and not orders(7d) >= 2`, c, env, eval.ExplainOptions{})
	got, err := json.MarshalIndent(e, "", " ")
	require.NoError(t, err)
	golden(t, "explanation.json", string(got)+"\n")
}

// Personal values are hidden, also where they are part of another value; what rests
// on them is still told.
func TestMask(t *testing.T) {
	c, env := regular()
	c.Attributes["name"] = catalog.StringValue("김서연")
	c.Attributes["city"] = catalog.StringValue("Seoul")
	mask := eval.Personal(catalog.Shop())
	require.True(t, mask("name"))
	require.False(t, mask("city"))
	require.False(t, mask("nothing"))
	for _, text := range []string{`name = "이서준"`, `name starts with "이"`, `name is known`, `name = city`} {
		e := explain(t, text, c, env, eval.ExplainOptions{Mask: mask})
		for _, lang := range []eval.Lang{eval.English, eval.Korean} {
			require.NotContains(t, e.Text(lang), "김서연")
		}
		data, err := json.Marshal(e)
		require.NoError(t, err)
		require.NotContains(t, string(data), "김서연")
		require.True(t, e.Root.Facts[0].Hidden)
		require.True(t, e.Root.Facts[0].Known)
	}
	require.Contains(t, explain(t, `name = city`, c, env, eval.ExplainOptions{Mask: mask}).Text(eval.English), "Seoul", "only what is personal")
	require.Contains(t, explain(t, `name = city`, c, env, eval.ExplainOptions{}).Text(eval.English), "김서연")
}

// Keys are bounded and the latest come first; first, last, min and max show the
// records that have the value.
func TestRecordsBehindAValue(t *testing.T) {
	c, env := regular()
	for i, r := range c.Records["all_orders"] {
		r.Fields["total"] = catalog.NumberValue(int64(100 + i%3))
	}
	for _, want := range []struct {
		text  string
		keys  []string
		count int
	}{
		{`orders >= 1`, []string{"o0", "o1", "o2"}, 10},
		{`orders(1y) >= 1`, []string{"o0", "o1", "o2"}, 4},
		{`first(orders.total) > 0`, []string{"o9"}, 1},
		{`last(orders.total) > 0`, []string{"o0"}, 1},
		{`max(orders.total) > 0`, []string{"o2", "o5", "o8"}, 3},
		{`min(orders.total) > 0`, []string{"o0", "o3", "o6"}, 4},
		{`orders(where total = 7) = 0`, nil, 0},
	} {
		f := explain(t, want.text, c, env, eval.ExplainOptions{Keys: 3}).Root.Facts[0]
		require.Equal(t, want.keys, f.Records, want.text)
		require.Equal(t, want.count, f.Count, want.text)
	}
	require.Len(t, explain(t, `visits >= 1`, c, env, eval.ExplainOptions{}).Root.Facts[0].Records, 10, "ten by default")
}

// Who is not in the population is told so, and when that changes.
func TestOutsideThePopulation(t *testing.T) {
	c, env := regular()
	c.Attributes["joined"] = catalog.TimeValue(env.AsOf.Add(36 * time.Hour))
	e := explain(t, `points >= 1`, c, env, eval.ExplainOptions{})
	require.False(t, e.Exists)
	require.False(t, e.Answer)
	require.True(t, e.Root.Answer)
	require.Equal(t, env.AsOf.Add(36*time.Hour+time.Second), e.Next.At)
	require.Zero(t, e.Root.Next, "the rule itself stays")
	require.Contains(t, e.Text(eval.English), "not in the population")
	require.Contains(t, e.Text(eval.Korean), "대상 고객이 아님")

	guest := &eval.Customer{ID: "g", Guest: true}
	require.False(t, explain(t, `not orders`, guest, env, eval.ExplainOptions{}).Exists)
}

// What depends on others says so, and At is what time alone does.
func TestDependsOnOthers(t *testing.T) {
	c, env := regular()
	env.Groups = groups{"VIP": nil}
	p := compiled(t, compiler(t), `orders(5d) in top 10% or in group "VIP" and joined within 30d`)
	env.Cuts = cuts(t, p, []*eval.Customer{c}, env)
	e, err := eval.Explain(p, c, env, eval.ExplainOptions{})
	require.NoError(t, err)
	require.True(t, e.Next.Others)
	rank := e.Root.Terms[0]
	require.True(t, rank.Next.Others)
	require.Equal(t, env.AsOf.Add(2*24*time.Hour+time.Hour+time.Second), rank.Next.At, "the order falls out of the window")
	require.Equal(t, "cut", rank.Facts[len(rank.Facts)-1].Name)
	require.False(t, e.Root.Terms[1].Terms[1].Next.Others)
}

// Explain and NextChange fail where Eval does, and never half-way.
func TestExplainErrors(t *testing.T) {
	c, env := regular()
	k := compiler(t)
	broken := env
	broken.Groups = groups{"Old": errBroken}
	for name, ask := range map[string]struct {
		p   *plan.Plan
		c   *eval.Customer
		env eval.Env
		err error
	}{
		"no plan":      {nil, c, env, eval.ErrPlan},
		"no customer":  {compiled(t, k, `orders`), nil, env, eval.ErrPlan},
		"no groups":    {compiled(t, k, `in group "VIP"`), c, env, eval.ErrEnv},
		"no cuts":      {compiled(t, k, `points in top 5%`), c, env, eval.ErrEnv},
		"broken group": {compiled(t, k, `points = 1 or not in group "Old"`), c, broken, errBroken},
	} {
		_, err := eval.Explain(ask.p, ask.c, ask.env, eval.ExplainOptions{})
		require.ErrorIs(t, err, ask.err, name)
		_, err = eval.NextChange(ask.p, ask.c, ask.env)
		require.ErrorIs(t, err, ask.err, name)
		_, err = eval.Eval(ask.p, ask.c, ask.env)
		require.ErrorIs(t, err, ask.err, name)
	}
}

// A long text of a plan from elsewhere cannot lead spans astray.
func TestExplainWithoutText(t *testing.T) {
	c, env := regular()
	p := *compiled(t, compiler(t), `points >= 1 and orders`)
	p.Text = "x"
	e, err := eval.Explain(&p, c, env, eval.ExplainOptions{})
	require.NoError(t, err)
	require.Empty(t, e.Root.Terms[1].Text)
	require.NotEmpty(t, e.Text(eval.English))
}

// The page for people shows what comes out.
func TestPage(t *testing.T) {
	page, err := os.ReadFile("../docs/explain.md")
	require.NoError(t, err)
	const rule = `joined within 7d and not orders(7d) >= 1`
	require.Contains(t, string(page), rule)
	asOf := at("2026-03-10T00:00:00Z")
	c := &eval.Customer{ID: "kim", Attributes: map[string]catalog.Value{"joined": catalog.TimeValue(asOf.Add(-30 * time.Hour))}}
	e := explain(t, rule, c, eval.Env{AsOf: asOf}, eval.ExplainOptions{})
	p := compiled(t, compiler(t), rule)
	for _, lang := range []eval.Lang{eval.English, eval.Korean} {
		require.Contains(t, string(page), "```text\n"+e.Text(lang)+"```\n")
		require.Contains(t, string(page), eval.Sentence(p, lang)+"\n")
	}
}

func ExampleExplain() {
	compiler, err := compile.New(catalog.Shop())
	if err != nil {
		panic(err)
	}
	p, _ := compiler.Text(`joined within 7d and not orders(7d) >= 1`, compile.Options{})
	asOf := time.Date(2026, 3, 10, 0, 0, 0, 0, time.UTC)
	e, err := eval.Explain(p, &eval.Customer{
		ID:         "kim",
		Attributes: map[string]catalog.Value{"joined": catalog.TimeValue(asOf.Add(-30 * time.Hour))},
	}, eval.Env{AsOf: asOf}, eval.ExplainOptions{})
	if err != nil {
		panic(err)
	}
	fmt.Print(e.Text(eval.English))
	fmt.Print(e.Text(eval.Korean))
	// Output:
	// kim is in as of 2026-03-10 00:00:00 (UTC)
	// changes at 2026-03-15 18:00:01 without new data
	// [yes] all of: (changes at 2026-03-15 18:00:01)
	//   [yes] the sign-up is in the last 7 days (changes at 2026-03-15 18:00:01)
	//       the sign-up = 2026-03-08 18:00:00
	//   [yes] there are no counted orders (in the last 7 days)
	//       the number of counted orders (in the last 7 days) = 0
	// kim: 해당함 (2026-03-10 00:00:00 기준, UTC)
	// 새 데이터가 없으면 2026-03-15 18:00:01에 바뀜
	// [예]     모두 충족: (2026-03-15 18:00:01에 바뀜)
	//   [예]     가입일이 최근 7일 이내 (2026-03-15 18:00:01에 바뀜)
	//       가입일 = 2026-03-08 18:00:00
	//   [예]     유효 주문 (최근 7일 이내) 없음
	//       유효 주문 수 (최근 7일 이내) = 0
}

func ExampleSentence() {
	compiler, err := compile.New(catalog.Shop())
	if err != nil {
		panic(err)
	}
	p, _ := compiler.Text(`last(orders) not within 90d and spent(365d) in top 10%`, compile.Options{})
	fmt.Println(eval.Sentence(p, eval.English))
	// Output:
	// Members for whom the last counted order is not in the last 90 days (or is unknown), and the sum of total over counted orders (in the last 365 days) minus the sum of refund over counted orders (in the last 365 days) is in the top 10% of all.
}
