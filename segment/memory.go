package segment

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/dangol-dev/dangol"
)

// Memory is the state in memory: for tests, examples and hosts that can lose it.
// Readers never wait: an Update builds a new state beside the one they read.
type Memory struct {
	write sync.Mutex
	state atomic.Pointer[memoryState]
}

// NewMemory is an empty state.
func NewMemory() *Memory {
	m := &Memory{}
	m.state.Store(&memoryState{groups: map[string]*memoryGroup{}})
	return m
}

// View implements Store.
func (m *Memory) View(ctx context.Context, f func(Reader) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	return f(&memoryTx{ctx: ctx, memoryState: *m.state.Load()})
}

// Update implements Store.
func (m *Memory) Update(ctx context.Context, f func(Tx) error) error {
	m.write.Lock()
	defer m.write.Unlock()
	if err := ctx.Err(); err != nil {
		return err
	}
	tx := &memoryTx{ctx: ctx, memoryState: *m.state.Load(), own: map[string]bool{}}
	tx.groups = maps.Clone(tx.groups)
	if err := f(tx); err != nil {
		return err
	}
	next := tx.memoryState
	m.state.Store(&next)
	return nil
}

// WithTx implements Store: memory has no transactions of a host's.
func (m *Memory) WithTx(tx HostTx) (Store, error) {
	return nil, invalid("the memory state cannot join a transaction of %T", tx)
}

// memoryState is never changed once it is published. Its lists only grow at the
// end, behind what published states can see, or are replaced.
type memoryState struct {
	groups map[string]*memoryGroup
	log    []Version // of all groups, by Seq; pruned ones leave it
	seq    int64
	trail  []Act
}

type memoryGroup struct {
	group    *Group
	rules    []Rule
	entries  []Entry // by customer
	versions []Version
	spans    []span // by customer, then from
}

// span is a Membership without what repeats: a shop has millions.
type span struct {
	customer   dangol.CustomerID
	from, to   int64
	cause, end *Cause
}

func (s *span) membership(group string) Membership {
	m := Membership{Group: group, Customer: s.customer, From: s.from, To: s.to, Entered: *s.cause}
	if s.end != nil {
		m.Left = *s.end
	}
	return m
}

type memoryTx struct {
	memoryState
	ctx context.Context
	own map[string]bool // groups that this Update has its own copy of
}

// mine is the group ready to be changed.
func (tx *memoryTx) mine(id string) (*memoryGroup, error) {
	g, ok := tx.groups[id]
	if !ok {
		return nil, fmt.Errorf("%w: %q", ErrNotFound, id)
	}
	if !tx.own[id] {
		c := *g
		g = &c
		tx.groups[id], tx.own[id] = g, true
	}
	return g, nil
}

func (tx *memoryTx) Group(id string) (*Group, error) {
	g, ok := tx.groups[id]
	if !ok {
		return nil, fmt.Errorf("%w: %q", ErrNotFound, id)
	}
	return g.group.Clone(), nil
}

func (tx *memoryTx) Groups() ([]*Group, error) {
	out := make([]*Group, 0, len(tx.groups))
	for _, g := range tx.groups {
		out = append(out, g.group.Clone())
	}
	slices.SortFunc(out, func(a, b *Group) int { return cmp.Compare(a.ID, b.ID) })
	return out, nil
}

func (tx *memoryTx) Rules(group string) ([]Rule, error) {
	if g, ok := tx.groups[group]; ok {
		return slices.Clone(g.rules), nil
	}
	return nil, nil
}

// page cuts a list that is ordered by customer to those behind after.
func page[T any](list []T, after dangol.CustomerID, limit int, id func(*T) dangol.CustomerID) []T {
	if after != "" {
		i, _ := slices.BinarySearchFunc(list, after, func(e T, a dangol.CustomerID) int {
			if id(&e) <= a {
				return -1
			}
			return 1
		})
		list = list[i:]
	}
	if limit > 0 && len(list) > limit {
		list = list[:limit]
	}
	return list
}

func entryCustomer(e *Entry) dangol.CustomerID { return e.Customer }

func (tx *memoryTx) Entries(q EntryQuery) ([]Entry, error) {
	if q.Group == "" && q.Customer == "" {
		return nil, invalid("entries of neither a group nor a customer")
	}
	if q.Group == "" {
		var out []Entry
		for _, id := range slices.Sorted(maps.Keys(tx.groups)) {
			if e, ok := tx.groups[id].entry(q.Customer); ok {
				out = append(out, e)
			}
		}
		return page(out, "", q.Limit, entryCustomer), nil
	}
	g, ok := tx.groups[q.Group]
	if !ok {
		return nil, nil
	}
	if q.Customer != "" {
		if e, ok := g.entry(q.Customer); ok && q.Customer > q.After {
			return []Entry{e}, nil
		}
		return nil, nil
	}
	return slices.Clone(page(g.entries, q.After, q.Limit, entryCustomer)), nil
}

func (g *memoryGroup) entry(id dangol.CustomerID) (Entry, bool) {
	i, found := slices.BinarySearchFunc(g.entries, id, func(e Entry, c dangol.CustomerID) int {
		return cmp.Compare(e.Customer, c)
	})
	if !found {
		return Entry{}, false
	}
	return g.entries[i], true
}

func (tx *memoryTx) Versions(q VersionQuery) ([]Version, error) {
	list := tx.log
	if q.Group != "" {
		g, ok := tx.groups[q.Group]
		if !ok {
			return nil, nil
		}
		list = g.versions
		if q.Version != 0 {
			list = one(list, q.Version)
		}
	}
	i, _ := slices.BinarySearchFunc(list, q.AfterSeq, func(v Version, after int64) int {
		if v.Seq <= after {
			return -1
		}
		return 1
	})
	var out []Version
	for k := range list[i:] {
		v := list[i+k]
		if q.Latest {
			v = list[len(list)-1-k]
		}
		if !q.From.IsZero() && v.From.After(q.From) || !q.Known.IsZero() && !v.Recorded.Before(q.Known) {
			continue
		}
		if out = append(out, v); len(out) == q.Limit {
			break
		}
	}
	return out, nil
}

// one cuts a group's versions to a single one.
func one(list []Version, version int64) []Version {
	i, found := slices.BinarySearchFunc(list, version, func(v Version, n int64) int { return cmp.Compare(v.Version, n) })
	if !found {
		return nil
	}
	return list[i : i+1]
}

func (tx *memoryTx) Memberships(q MembershipQuery) ([]Membership, error) {
	if q.Group == "" && q.Customer == "" {
		return nil, invalid("memberships of neither a group nor a customer")
	}
	ids := []string{q.Group}
	if q.Group == "" {
		ids = slices.Sorted(maps.Keys(tx.groups))
	}
	var out []Membership
	for n, id := range ids {
		if n%256 == 255 {
			if err := tx.ctx.Err(); err != nil {
				return nil, err
			}
		}
		if g, ok := tx.groups[id]; ok {
			out = g.memberships(q, out)
		}
		if q.Limit > 0 && len(out) == q.Limit {
			break
		}
	}
	return out, nil
}

// memberships appends what the query selects of one group.
func (g *memoryGroup) memberships(q MembershipQuery, out []Membership) []Membership {
	spans := g.spans
	if q.Customer != "" {
		i, _ := slices.BinarySearchFunc(spans, q.Customer, func(s span, c dangol.CustomerID) int {
			return cmp.Or(cmp.Compare(s.customer, c), 1)
		})
		spans = spans[i:]
	}
	spans = page(spans, q.After, 0, func(s *span) dangol.CustomerID { return s.customer })
	if q.Customer == "" {
		out = slices.Grow(out, min(cmp.Or(q.Limit, len(spans)), len(spans)))
	}
	for _, s := range spans {
		if q.Customer != "" && s.customer != q.Customer {
			break
		}
		m := s.membership(g.group.ID)
		if q.Version != 0 && !m.in(q.Version) || q.Began != 0 && m.From != q.Began ||
			q.Ended != 0 && m.To != q.Ended || q.Open && m.To != 0 {
			continue
		}
		if out = append(out, m); q.Limit > 0 && len(out) == q.Limit {
			break
		}
	}
	return out
}

func (tx *memoryTx) Trail(after int64, limit int) ([]Act, error) {
	after = min(max(after, 0), int64(len(tx.trail)))
	list := tx.trail[after:]
	if limit > 0 && len(list) > limit {
		list = list[:limit]
	}
	return slices.Clone(list), nil
}

func (tx *memoryTx) Put(g *Group, by string) error {
	m, err := tx.mine(g.ID)
	if errors.Is(err, ErrNotFound) {
		m = &memoryGroup{}
		tx.groups[g.ID], tx.own[g.ID] = m, true
	}
	m.group = g.Clone()
	if g.RuleVersion > len(m.rules) {
		m.rules = append(m.rules, Rule{Version: g.RuleVersion, Text: g.Rule, Saved: g.Edited, By: by})
	}
	return nil
}

func (tx *memoryTx) SetEntries(group string, entries []Entry) error {
	m, err := tx.mine(group)
	if err != nil {
		return err
	}
	set := make(map[dangol.CustomerID]Entry, len(entries))
	for _, e := range entries {
		e.Group, e.At = group, instant(e.At)
		set[e.Customer] = e
	}
	next := make([]Entry, 0, len(m.entries)+len(set))
	for _, e := range m.entries {
		if _, replaced := set[e.Customer]; !replaced {
			next = append(next, e)
		}
	}
	for _, e := range set {
		if e.Mark != "" {
			next = append(next, e)
		}
	}
	slices.SortFunc(next, func(a, b Entry) int { return cmp.Compare(a.Customer, b.Customer) })
	m.entries = next
	return nil
}

func (tx *memoryTx) Apply(c Change) error {
	m, err := tx.mine(c.Version.Group)
	if err != nil {
		return err
	}
	v := c.Version
	if n := len(m.versions); n > 0 && v.Version <= m.versions[n-1].Version {
		return fmt.Errorf("segment: version %d of group %q exists", v.Version, v.Group)
	}
	tx.seq++
	v.Seq = tx.seq
	spans, err := m.apply(v.Version, c.Entered, c.Left)
	if err != nil {
		return err
	}
	m.spans = spans
	m.versions = append(m.versions, v)
	tx.log = append(tx.log, v)
	return nil
}

// apply merges the turns into the spans, which are ordered by customer and then
// from. A customer's open span is the last of theirs.
func (m *memoryGroup) apply(version int64, entered, left []Turn) ([]span, error) {
	causes := map[Cause]*Cause{}
	shared := func(c Cause) *Cause {
		if causes[c] == nil {
			causes[c] = &c
		}
		return causes[c]
	}
	out := make([]span, 0, len(m.spans)+len(entered))
	for i := 0; i < len(m.spans) || len(entered) > 0; {
		var id dangol.CustomerID
		if i < len(m.spans) {
			id = m.spans[i].customer
		}
		if len(entered) > 0 && (i == len(m.spans) || entered[0].Customer < id) {
			id = entered[0].Customer
		}
		for i < len(m.spans) && m.spans[i].customer == id {
			out = append(out, m.spans[i])
			i++
		}
		isIn := len(out) > 0 && out[len(out)-1].customer == id && out[len(out)-1].to == 0
		switch {
		case len(left) > 0 && left[0].Customer == id:
			if !isIn {
				return nil, fmt.Errorf("segment: customer %q leaves group %q without being in", id, m.group.ID)
			}
			out[len(out)-1].to, out[len(out)-1].end = version, shared(left[0].Cause)
			left = left[1:]
		case len(entered) > 0 && entered[0].Customer == id:
			if isIn {
				return nil, fmt.Errorf("segment: customer %q enters group %q twice", id, m.group.ID)
			}
			out = append(out, span{customer: id, from: version, cause: shared(entered[0].Cause)})
			entered = entered[1:]
		}
	}
	if len(left) > 0 {
		return nil, fmt.Errorf("segment: customer %q leaves group %q without being in", left[0].Customer, m.group.ID)
	}
	return out, nil
}

func (tx *memoryTx) Append(a Act) error {
	a.Seq = int64(len(tx.trail)) + 1
	a.At = instant(a.At)
	tx.trail = append(tx.trail, a)
	return nil
}

func (tx *memoryTx) Prune(group string, before int64, limit int) (more bool, err error) {
	m, err := tx.mine(group)
	if err != nil {
		return false, err
	}
	m.spans = slices.DeleteFunc(slices.Clone(m.spans), func(s span) bool {
		if s.to == 0 || s.to >= before {
			return false
		}
		limit--
		return limit >= 0
	})
	if limit < 0 {
		return true, nil
	}
	begins := map[int64]bool{}
	for _, s := range m.spans {
		begins[s.from] = true
	}
	old := func(v Version) bool { return v.Group == group && v.Version < before && !begins[v.Version] }
	m.versions = slices.DeleteFunc(slices.Clone(m.versions), old)
	tx.log = slices.DeleteFunc(slices.Clone(tx.log), old)
	return false, nil
}

func (tx *memoryTx) Rename(customer, to dangol.CustomerID) error {
	for id, g := range tx.groups {
		if !slices.ContainsFunc(g.spans, func(s span) bool { return s.names(customer) }) {
			continue
		}
		m, err := tx.mine(id)
		if err != nil {
			return err
		}
		m.spans = slices.Clone(m.spans)
		for i, s := range m.spans {
			if s.names(customer) {
				m.spans[i] = s.renamed(customer, to)
			}
		}
		slices.SortFunc(m.spans, func(a, b span) int { return cmp.Or(cmp.Compare(a.customer, b.customer), cmp.Compare(a.from, b.from)) })
	}
	return nil
}

// names tells whether a span is of the customer, or of the guest who became it.
func (s *span) names(id dangol.CustomerID) bool {
	return s.customer == id || s.end != nil && s.end.Why == ByLogin && s.end.Note == string(id)
}

func (s span) renamed(id, to dangol.CustomerID) span {
	bare := func(c *Cause, note string) *Cause {
		if c == nil {
			return nil
		}
		return &Cause{Why: c.Why, Note: note, By: c.By}
	}
	if s.customer != id {
		s.end = bare(s.end, string(to))
		return s
	}
	s.customer, s.cause = to, bare(s.cause, "")
	if s.end == nil || s.end.Why != ByLogin { // a guest's says who it became
		s.end = bare(s.end, "")
	}
	return s
}
