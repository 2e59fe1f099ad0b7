package shopify

import (
	"fmt"
	"strings"
)

// call writes a kind with its window and filter.
func call(kind, window string, where []string) string {
	var inside []string
	if window != "" {
		inside = append(inside, window)
	}
	if len(where) > 0 {
		inside = append(inside, "where "+strings.Join(where, " and "))
	}
	if len(inside) == 0 {
		return kind
	}
	if i := strings.IndexByte(kind, '('); i >= 0 { // sum(items.quantity)
		return strings.TrimSuffix(kind, ")") + ", " + strings.Join(inside, " ") + ")"
	}
	return kind + "(" + strings.Join(inside, " ") + ")"
}

// negative tells of NOT MATCHES, = false and != true.
func (t *translator) negative(c clause) bool {
	x := c.test
	switch {
	case x.op == "":
		return c.negative
	case (x.op == "=" || x.op == "!=") && x.values[0].is("true"):
		return x.op == "!="
	case (x.op == "=" || x.op == "!=") && x.values[0].is("false"):
		return x.op == "="
	}
	t.fail(c.at, "a function is true or false", "write "+c.name.text+" MATCHES (...)")
	return false
}

// records collects what the parameters of a function ask of one kind of record.
type records struct {
	t      *translator
	window string
	where  []string
	// totals are tests of an aggregate over the records, such as its count. %s is
	// replaced by window and filter. Without any, one record is enough.
	totals []func() piece
}

// read goes through the parameters; what takes each of them by name.
func (r *records) read(c clause, takes map[string]func(param)) {
	for _, p := range c.params {
		name := strings.ToLower(p.name.text)
		take, ok := takes[name]
		if !ok {
			r.t.fail(p.name.at, fmt.Sprintf("rules cannot ask for %q of %s", p.name.text, c.name.text), "")
			continue
		}
		take(p)
	}
}

func (r *records) date(p param) { r.window = r.t.window(p.name.at, p.test) }

// total is a parameter about all records together.
func (r *records) total(aggregate string) func(param) {
	return func(p param) {
		r.totals = append(r.totals, func() piece {
			return r.t.numbers(call(aggregate, r.window, r.where), p.name.at, p.test)
		})
	}
}

// number is a parameter about a field of one record.
func (r *records) number(field string) func(param) {
	return func(p param) { r.where = append(r.where, r.t.numbers(field, p.name.at, p.test).text) }
}

// id is a parameter that names a thing, or several.
func (r *records) id(field string) func(param) {
	return func(p param) {
		r.t.note(IDs, p.name.at)
		r.where = append(r.where, r.t.texts(field, clause{at: p.name.at, test: p.test}).text)
	}
}

func (r *records) tag(p param) {
	if r.t.options.ProductTags == "" {
		r.t.fail(p.name.at, "products have no tags", "add a set of tags to products in the catalog and name it in Options.ProductTags, or ask for a category")
		return
	}
	r.t.note(ProductTags, p.name.at)
	x := p.test
	if x.op != "=" && x.op != "!=" && x.op != "contains" {
		r.t.fail(p.name.at, "a tag is asked for with =", "")
		return
	}
	x.not = x.not || x.op == "!="
	x.op = "contains"
	r.where = append(r.where, r.t.contains(r.t.options.ProductTags, clause{at: p.name.at, test: x}).text)
}

func (r *records) piece(kind string, negative bool) piece {
	if len(r.totals) == 0 {
		return notIf(negative, piece{call(kind, r.window, r.where), testLevel})
	}
	var found []piece
	for _, total := range r.totals {
		found = append(found, total())
	}
	return notIf(negative, all(found...))
}

func (t *translator) productsPurchased(c clause) piece {
	t.note(OrderStatus, c.at)
	r := &records{t: t}
	r.read(c, map[string]func(param){
		"id": r.id("product"), "tag": r.tag, "date": r.date, "quantity": r.number("quantity"),
		"sum_quantity": r.total("sum(items.quantity)"), "count": r.total("items"),
	})
	return r.piece("items", t.negative(c))
}

func (t *translator) ordersPlaced(c clause) piece {
	t.note(OrderStatus, c.at)
	r := &records{t: t}
	r.read(c, map[string]func(param){
		"date": r.date, "amount": r.number("total"), "location_id": r.id("store"),
		"count": r.total("orders"), "sum_amount": r.total("sum(orders.total)"),
	})
	return r.piece("orders", t.negative(c))
}

func (t *translator) productViewed(c clause) piece {
	r := &records{t: t}
	r.read(c, map[string]func(param){
		"id": r.id("product"), "tag": r.tag, "date": r.date, "count": r.total("views"),
	})
	return r.piece("views", t.negative(c))
}

// emailEvent asks for the moment of the event itself, which is a field of the
// message.
func (t *translator) emailEvent(c clause) piece {
	t.note(Email, c.at)
	_, field, _ := strings.Cut(strings.ToLower(c.name.text), ".")
	r := &records{t: t, where: []string{`channel = "email"`}}
	dated := false
	r.read(c, map[string]func(param){
		"activity_id": r.id("campaign"), "count": r.total("messages"),
		"date": func(p param) {
			dated = true
			r.where = append(r.where, t.dates(field, clause{at: p.name.at, test: p.test}).in(notLevel))
		},
	})
	if !dated {
		r.where = append(r.where, field+" is known")
	}
	return r.piece("messages", t.negative(c))
}

func (t *translator) storeCredit(c clause) piece {
	t.note(Credit, c.at)
	var found []piece
	r := &records{t: t}
	r.read(c, map[string]func(param){
		"balance":  func(p param) { found = append(found, t.numbers("store_credit", p.name.at, p.test)) },
		"currency": func(param) {}, // the note tells
	})
	if len(found) == 0 {
		found = append(found, says("store_credit is known"))
	}
	return notIf(t.negative(c), all(found...))
}

// anniversary is a modifier: anniversary('metafields.facts.birth_date') = today.
func (t *translator) anniversary(c clause) piece {
	if len(c.params) != 1 || c.params[0].test.op != "=" {
		return t.fail(c.at, "anniversary asks for one date", "write anniversary('metafields.facts.birth_date') = today")
	}
	of := c.params[0].test.values[0]
	name, ok := t.options.Attributes[of.text]
	if !ok {
		if !strings.Contains(of.text, "birth") {
			return t.fail(of.at, "a metafield has no name in rules", "declare an attribute in the catalog and name it in Options.Attributes")
		}
		name = "birthday"
	}
	x := c.test
	today := func(v token) bool { return v.text == "today" || v.kind == offset && v.count == 0 }
	switch {
	case x.op == "=" && today(x.values[0]):
		return says("anniversary(%s) within today", name)
	case x.op == "between" && today(x.values[0]) && x.values[1].kind == offset && x.values[1].count > 0:
		t.note(Anniversary, c.at)
		return notIf(x.not, says("anniversary(%s) within next %d%s", name, x.values[1].count, units[x.values[1].unit]))
	}
	return t.fail(c.at, "an anniversary is asked for with = today or BETWEEN today AND +30d", "")
}
