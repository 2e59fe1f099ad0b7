package dsl

// children are the nodes right below e, in the order of the text.
func children(e Expr) []Expr {
	switch e := e.(type) {
	case *Or:
		return e.Terms
	case *And:
		return e.Terms
	case *Not:
		return []Expr{e.X}
	case *Paren:
		return []Expr{e.X}
	case *Compare:
		return []Expr{e.L, e.R}
	case *Within:
		return append([]Expr{e.X}, windowEnds(e.Window)...)
	case *Between:
		return []Expr{e.X, e.Lo, e.Hi}
	case *In:
		return append([]Expr{e.X}, e.List...)
	case *InRank:
		return []Expr{e.X, e.N}
	case *Contains:
		return append([]Expr{e.X}, e.Items...)
	case *Affix:
		return []Expr{e.X, e.Text}
	case *When:
		return []Expr{e.X, e.Point}
	case *Known:
		return []Expr{e.X}
	case *Arith:
		return []Expr{e.L, e.R}
	case *Minus:
		return []Expr{e.X}
	case *InGroup:
		return []Expr{e.Name}
	case *Ref:
		var out []Expr
		for _, a := range e.Args {
			if a.Window != nil {
				out = append(out, windowEnds(a.Window)...)
			}
			if a.Where != nil {
				out = append(out, a.Where)
			}
		}
		return out
	}
	return nil
}

func windowEnds(w *Window) []Expr {
	switch {
	case w.From == nil:
		return nil
	case w.To == nil:
		return []Expr{w.From}
	}
	return []Expr{w.From, w.To}
}
