package main

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/dangol-dev/dangol"
	"github.com/dangol-dev/dangol/dsl/catalog"
	"github.com/dangol-dev/dangol/eval/columnar"
)

// now is the instant that every engine is asked about, and zone where the shop is.
var (
	zone = time.FixedZone("KST", 9*60*60)
	now  = time.Date(2026, 11, 1, 0, 0, 0, 0, zone)
)

const (
	products   = 50_000
	categories = 200
	day        = 24 * 60 * 60
	years      = 3 * 365 * day
)

var (
	statuses  = []string{"placed", "paid", "preparing", "shipped", "delivered", "confirmed", "cancelled"}
	statusOdd = []int{2, 3, 2, 3, 10, 70, 10}
	countries = []string{"KR", "JP", "US", "TW", "CN", "VN", "TH", "SG", "HK", "ID", "MY", "DE"}
	grades    = []string{"basic", "bronze", "silver", "gold", "vip"}
)

const (
	confirmed = 5
	cancelled = 6 // statuses below it count
)

// shop is the workload as arrays, in seconds and codes: what every engine loads.
type shop struct {
	customers           int
	joined              []int64
	country, grade      []uint8
	consent             []bool
	orders              table
	status              []uint8
	total               []int32
	items               table
	order               []uint32 // of an item
	product             []uint32
	visits, logins, add table
}

// table is rows in the order of time.
type table struct {
	customer []uint32
	at       []int64
}

func (t *table) add(customer int, at int64) {
	t.customer, t.at = append(t.customer, uint32(customer)), append(t.at, at)
}

func (t *table) len() int { return len(t.at) }

// sort puts the rows in the order of time and tells where each came from.
func (t *table) sort() []uint32 {
	from := make([]uint32, t.len())
	for i := range from {
		from[i] = uint32(i)
	}
	slices.SortFunc(from, func(a, b uint32) int { return int(t.at[a] - t.at[b]) })
	t.customer, t.at = picked(t.customer, from), picked(t.at, from)
	return from
}

func picked[T any](src []T, from []uint32) []T {
	out := make([]T, len(from))
	for i, f := range from {
		out[i] = src[f]
	}
	return out
}

// makeShop is the shop of a seed: engine by engine the same.
func makeShop(n int, seed uint64) *shop {
	r := rand.New(rand.NewPCG(seed, 1))
	s := &shop{customers: n}
	zipf := rand.NewZipf(r, 1.1, 8, products-1)
	end := now.Unix()
	for c := range n {
		joined := end - 1 - r.Int64N(years)
		s.joined = append(s.joined, joined)
		s.country = append(s.country, uint8(min(int(r.ExpFloat64()*1.6), len(countries)-1)))
		s.grade = append(s.grade, uint8(min(int(r.ExpFloat64()*1.2), len(grades)-1)))
		s.consent = append(s.consent, r.IntN(100) < 60)
		at := func() int64 { return joined + r.Int64N(end-joined) }
		if r.IntN(100) >= 18 {
			for range min(int(2.9*math.Pow(1-r.Float64(), -1/1.3)), 6000) {
				s.orders.add(c, at())
				s.status = append(s.status, uint8(pick(r, statusOdd)))
				s.total = append(s.total, int32(100*(30+int(math.Exp(r.NormFloat64()*0.8+5.6)))))
			}
		}
		for range 12 + r.IntN(17) {
			switch k := r.IntN(100); {
			case k < 60:
				s.visits.add(c, at())
			case k < 85:
				s.logins.add(c, at())
			default:
				s.add.add(c, at())
			}
		}
	}
	from := s.orders.sort()
	s.status, s.total = picked(s.status, from), picked(s.total, from)
	for o := range s.orders.at {
		for range 1 + r.IntN(3) {
			s.items.add(int(s.orders.customer[o]), s.orders.at[o])
			s.order = append(s.order, uint32(o))
			s.product = append(s.product, uint32(zipf.Uint64()))
		}
	}
	s.visits.sort()
	s.logins.sort()
	s.add.sort()
	return s
}

func pick(r *rand.Rand, odds []int) int {
	at := r.IntN(100)
	for i, o := range odds {
		if at -= o; at < 0 {
			return i
		}
	}
	return 0
}

func category(product uint32) uint32 { return product * 2654435761 >> 8 % categories }

func (s *shop) rows() int {
	return s.orders.len() + s.items.len() + s.visits.len() + s.logins.len() + s.add.len()
}

// shopCatalog is the shop's vocabulary with cart additions as a declared kind.
func shopCatalog() *catalog.Catalog {
	cat := catalog.Shop()
	cat.Kinds = append(cat.Kinds, catalog.Kind{
		Name: "cart_adds", Time: "at", Doc: "Products put into the cart.",
		Fields: []catalog.Field{{Name: "at", Type: catalog.Type{Sort: catalog.Instant}, Timing: catalog.Timed, Doc: "When."}},
	})
	return cat
}

func id(c int) dangol.CustomerID { return dangol.CustomerID(fmt.Sprintf("%08d", c)) }

// columns is the shop as the columnar engine loads it.
func (s *shop) columns() columnar.Columns {
	micros := func(at []int64) columnar.Column {
		out := make([]int64, len(at))
		for i, v := range at {
			out[i] = v * 1e6
		}
		return columnar.Column{Ints: out}
	}
	wide := func(codes []uint8) []uint32 {
		out := make([]uint32, len(codes))
		for i, c := range codes {
			out[i] = uint32(c)
		}
		return out
	}
	in := columnar.Columns{Attributes: map[string]columnar.Column{
		"joined":  micros(s.joined),
		"country": {Codes: wide(s.country), Dictionary: countries},
		"grade":   {Codes: wide(s.grade), Dictionary: grades},
	}}
	consent := make([]int64, s.customers)
	for c := range s.customers {
		in.IDs = append(in.IDs, id(c))
		if s.consent[c] {
			consent[c] = 1
		}
	}
	in.Attributes["consent"] = columnar.Column{Ints: consent}
	total := make([]int64, len(s.total))
	for i, v := range s.total {
		total[i] = int64(v)
	}
	parent := make([]uint32, len(s.order))
	for i, o := range s.order {
		parent[i] = o + 1
	}
	names, kinds := make([]string, products), make([]string, products)
	group := make([]uint32, len(s.product))
	for p := range names {
		names[p], kinds[p] = fmt.Sprint(p), fmt.Sprint(category(uint32(p)))
	}
	for i, p := range s.product {
		group[i] = p
	}
	in.Rows = []columnar.Rows{
		{Kind: "all_orders", Customer: s.orders.customer, Fields: map[string]columnar.Column{
			"placed": micros(s.orders.at), "status": {Codes: wide(s.status), Dictionary: statuses}, "total": {Ints: total}}},
		{Kind: "items", Customer: s.items.customer, Parent: parent, Fields: map[string]columnar.Column{
			"product": {Codes: s.product, Dictionary: names}, "product.category": {Codes: group, Dictionary: kinds}}},
		{Kind: "visits", Customer: s.visits.customer, Fields: map[string]columnar.Column{"at": micros(s.visits.at)}},
		{Kind: "logins", Customer: s.logins.customer, Fields: map[string]columnar.Column{"at": micros(s.logins.at)}},
		{Kind: "cart_adds", Customer: s.add.customer, Fields: map[string]columnar.Column{"at": micros(s.add.at)}},
	}
	return in
}
