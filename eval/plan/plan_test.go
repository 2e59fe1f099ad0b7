package plan

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/dangol-dev/dangol/dsl/catalog"
	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"
)

func num(n int64) Expr {
	return &Literal{Typed: Typed{catalog.Type{Sort: catalog.Number}}, Value: catalog.NumberValue(n)}
}

func points() Expr { return &Attr{Typed: Typed{catalog.Type{Sort: catalog.Number}}, Name: "points"} }

func count(where Test) Expr {
	return &Aggregate{
		Typed: Typed{catalog.Type{Sort: catalog.Number}}, Fn: Count, Kind: "all_orders",
		Stamp:  &Field{Typed: Typed{catalog.Type{Sort: catalog.Instant}}, Kind: "all_orders", Name: "placed"},
		Window: Window{From: Bound{Kind: Back, N: 7, Unit: Days}}, Where: where,
	}
}

// randomTest is a tree over few leaves, so that equal parts and constants are common.
func randomTest(r *rand.Rand, depth int) Test {
	if depth == 0 {
		switch r.IntN(5) {
		case 0:
			return &Const{Value: r.IntN(2) == 0}
		case 1:
			return &Compare{Op: AtLeast, L: num(int64(r.IntN(3))), R: points()}
		case 2:
			return &Compare{Op: AtLeast, L: num(1), R: num(int64(r.IntN(3)))}
		default:
			return &Member{Group: string(rune('a' + r.IntN(3)))}
		}
	}
	terms := func() []Test {
		out := make([]Test, 2+r.IntN(2))
		for i := range out {
			out[i] = randomTest(r, r.IntN(depth))
		}
		return out
	}
	switch r.IntN(4) {
	case 0:
		return &Not{Term: randomTest(r, depth-1)}
	case 1:
		return &Or{Terms: terms()}
	case 2:
		return &Compare{Op: More, L: count(randomTest(r, depth-1)), R: num(1)}
	default:
		return &And{Terms: terms()}
	}
}

func TestCanonicalIsIdempotent(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 2000 {
		p := &Plan{Root: randomTest(r, 4)}
		before := p.String()
		once := Canonical(p)
		require.Equal(t, before, p.String(), "the plan given is left as it was")
		twice := Canonical(once)
		require.Equal(t, once.String(), twice.String(), "from\n%s", before)
	}
}

// decide evaluates a tree of constants, memberships in groups of the mask and
// comparisons with points, which is all that randomTest makes besides counts.
func decide(t Test, mask, points int64) bool {
	value := func(e Expr) int64 {
		if v, ok := literal(e); ok {
			return v
		}
		if a, ok := e.(*Aggregate); ok {
			if a.Where == nil || decide(a.Where, mask, points) {
				return 2
			}
			return 0
		}
		return points
	}
	switch n := t.(type) {
	case *Const:
		return n.Value
	case *Not:
		return !decide(n.Term, mask, points)
	case *And:
		for _, term := range n.Terms {
			if !decide(term, mask, points) {
				return false
			}
		}
		return true
	case *Or:
		for _, term := range n.Terms {
			if decide(term, mask, points) {
				return true
			}
		}
		return false
	case *Member:
		return mask>>(n.Group[0]-'a')&1 == 1
	case *Compare:
		return Holds(n.Op, value(n.L), value(n.R))
	}
	panic("not made by randomTest")
}

func TestEveryRewriteKeepsTheMeaning(t *testing.T) {
	sets := map[string][]rewrite{"all": rewrites}
	for i, r := range rewrites {
		sets["without "+r.name] = append(append([]rewrite{}, rewrites[:i]...), rewrites[i+1:]...)
		sets["only "+r.name] = rewrites[i : i+1]
	}
	for name, with := range sets {
		t.Run(name, func(t *testing.T) {
			r := rand.New(rand.NewPCG(3, 4))
			for range 200 {
				p := &Plan{Root: randomTest(r, 4)}
				q := canonical(p, with)
				for mask := range int64(8) {
					for points := range int64(3) {
						require.Equal(t, decide(p.Root, mask, points), decide(q.Root, mask, points), "%s\n%s", p, q)
					}
				}
			}
		})
	}
}

func TestPrint(t *testing.T) {
	p := Canonical(&Plan{Root: &And{Terms: []Test{
		&Not{Term: &Compare{Op: AtMost, L: num(1), R: count(&Member{Group: "x"})}},
		&During{X: &Attr{Typed: Typed{catalog.Type{Sort: catalog.Instant}}, Name: "joined"}, Window: Window{From: Bound{Kind: Back, N: 7, Unit: Days}, To: Bound{Kind: Now}}},
	}}})
	want := `select members
and
  during [7d before, now)
    attribute joined
  not
    compare >=
      count all_orders [7d before, open)
        by field all_orders.placed
        where member "x"
      literal number.0 1
`
	require.Empty(t, cmp.Diff(want, p.String()))
}

func TestLower(t *testing.T) {
	q := &Quotient{Typed: Typed{catalog.Type{Sort: catalog.Number}}, A: points(), B: count(nil), Form: Average}
	p := Canonical(Lower(&Plan{Root: &Compare{Op: More, L: &Times{Typed: q.Typed, X: q, By: 10}, R: num(30)}}))
	want := `select members
and
  compare >
    count all_orders [7d before, open)
      by field all_orders.placed
    literal number.0 0
  compare >
    times 10
      attribute points
    times 30
      count all_orders [7d before, open)
        by field all_orders.placed
`
	require.Empty(t, cmp.Diff(want, p.String()))
}

func TestBounds(t *testing.T) {
	for _, tc := range []struct {
		why, zone, asOf string
		bound           Bound
		want            string
	}{
		{"same clock reading a week earlier", "Asia/Seoul", "2026-03-10T09:30:00+09:00", Bound{Kind: Back, N: 7, Unit: Days}, "2026-03-03T09:30:00+09:00"},
		{"over a change of clocks", "America/New_York", "2026-03-10T09:30:00-04:00", Bound{Kind: Back, N: 7, Unit: Days}, "2026-03-03T09:30:00-05:00"},
		{"hours are exact", "America/New_York", "2026-03-08T12:00:00-04:00", Bound{Kind: Back, N: 24, Unit: Hour}, "2026-03-07T11:00:00-05:00"},
		{"start in a gap is the first instant after it", "America/New_York", "2026-03-15T02:30:00-04:00", Bound{Kind: Back, N: 7, Unit: Days}, "2026-03-08T03:00:00-04:00"},
		{"ambiguous start is the earlier", "America/New_York", "2026-11-08T01:30:00-05:00", Bound{Kind: Back, N: 7, Unit: Days}, "2026-11-01T01:30:00-04:00"},
		{"as-of in the second pass counts from the hour's end", "America/New_York", "2026-11-01T01:10:00-05:00", Bound{Kind: Back, N: 7, Unit: Days}, "2026-10-25T02:00:00-04:00"},
		{"31 March less a month is the start of 1 March", "Asia/Seoul", "2026-03-31T10:00:00+09:00", Bound{Kind: Back, N: 1, Unit: Month}, "2026-03-01T00:00:00+09:00"},
		{"31 May less a month", "Asia/Seoul", "2026-05-31T10:00:00+09:00", Bound{Kind: Back, N: 1, Unit: Month}, "2026-05-01T00:00:00+09:00"},
		{"a leap day less a year", "Asia/Seoul", "2024-02-29T10:00:00+09:00", Bound{Kind: Back, N: 1, Unit: Year}, "2023-03-01T00:00:00+09:00"},
		{"next: after as-of", "Asia/Seoul", "2026-12-30T10:00:00+09:00", Bound{Kind: Back, N: -3, Unit: Days}, "2027-01-02T10:00:00+09:00"},
		{"start of today", "Asia/Seoul", "2026-03-10T09:30:00+09:00", Bound{Kind: Period, Unit: Days}, "2026-03-10T00:00:00+09:00"},
		{"weeks start on Monday", "Asia/Seoul", "2026-11-22T09:30:00+09:00", Bound{Kind: Period, Unit: Week}, "2026-11-16T00:00:00+09:00"},
		{"last quarter", "Asia/Seoul", "2026-02-10T00:00:00+09:00", Bound{Kind: Period, Unit: Quarter, N: -1}, "2025-10-01T00:00:00+09:00"},
		{"last year", "Asia/Seoul", "2026-01-01T00:00:00+09:00", Bound{Kind: Period, Unit: Year, N: -1}, "2025-01-01T00:00:00+09:00"},
		{"a midnight that does not exist", "America/Santiago", "2024-09-08T12:00:00-03:00", Bound{Kind: Period, Unit: Days}, "2024-09-08T01:00:00-03:00"},
		{"a literal day", "Asia/Seoul", "2026-03-10T09:30:00+09:00", Bound{Kind: Day, At: 20000}, "2024-10-04T00:00:00+09:00"},
	} {
		t.Run(tc.why, func(t *testing.T) {
			loc, err := time.LoadLocation(tc.zone)
			require.NoError(t, err)
			asOf, err := time.Parse(time.RFC3339, tc.asOf)
			require.NoError(t, err)
			us, ok := tc.bound.Instant(asOf, loc)
			require.True(t, ok)
			require.Equal(t, tc.want, time.UnixMicro(us).In(loc).Format(time.RFC3339))
		})
	}
}

// Law 3: a later as-of never gives an earlier start.
func TestStartsNeverMoveBack(t *testing.T) {
	for _, name := range []string{"America/New_York", "America/Santiago", "Australia/Lord_Howe", "Asia/Seoul", "Africa/Casablanca", "America/Havana"} {
		loc, err := time.LoadLocation(name)
		require.NoError(t, err)
		for _, b := range []Bound{
			{Kind: Back, N: 1, Unit: Days}, {Kind: Back, N: 30, Unit: Days}, {Kind: Back, N: 1, Unit: Month},
			{Kind: Back, N: 7, Unit: Month}, {Kind: Back, N: 1, Unit: Year}, {Kind: Back, N: -3, Unit: Days},
			{Kind: Period, Unit: Days}, {Kind: Period, Unit: Week, N: -1}, {Kind: Period, Unit: Quarter},
		} {
			last := MinInstant
			for at := time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC); at.Year() < 2025; at = at.Add(43 * time.Minute) {
				us, _ := b.Instant(at, loc)
				require.GreaterOrEqual(t, us, last, "%s %s at %s", name, b, at)
				last = us
			}
		}
	}
}
