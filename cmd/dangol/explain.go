package main

import (
	"errors"
	"fmt"

	"github.com/dangol-dev/dangol"
	"github.com/dangol-dev/dangol/dsl/catalog"
	"github.com/dangol-dev/dangol/eval"
	"github.com/dangol-dev/dangol/eval/compile"
	"github.com/dangol-dev/dangol/eval/plan"
	"github.com/dangol-dev/dangol/store"
)

type explainCmd struct {
	shopFlags
	Customer string `required:"" placeholder:"ID" help:"The customer or guest."`
	Scope    string `enum:"members,guests,both" default:"members" help:"Whom the rule is about: ${enum}. Defaults to members."`
	Lang     string `enum:"en,ko" default:"en" help:"One of ${enum}. Defaults to en."`
	Personal bool   `help:"Show personal data, such as the e-mail address. It is masked otherwise."`
	Format   string `enum:"text,json" default:"text" help:"One of ${enum}. Defaults to text."`
	Rule     string `arg:"" help:"The rule."`
}

// Run is the command.
func (c *explainCmd) Run(s *streams) (err error) {
	shop, p, err := c.open(s, c.Rule, plan.Scope(c.Scope))
	defer func() { err = errors.Join(err, shop.close()) }()
	if err != nil {
		return err
	}
	customer, err := shop.store.Customer(s.ctx, dangol.CustomerID(c.Customer))
	if errors.Is(err, store.ErrNotFound) {
		return wrong{fmt.Sprintf("dangol: --customer: nobody has the id %q", c.Customer)}
	}
	if err != nil {
		return err
	}
	env := eval.Env{AsOf: shop.asOf, Zone: shop.zone}
	if len(eval.Ranks(p)) > 0 { // their cuts come from everyone
		answers, err := shop.store.Select(s.ctx, store.Query{Plans: []*plan.Plan{p}, AsOf: shop.asOf, Zone: shop.zone})
		if err != nil {
			return err
		}
		if answers[0].Err != nil {
			return answers[0].Err
		}
		env.Cuts = answers[0].Cuts
	}
	var shown eval.ExplainOptions
	if !c.Personal {
		shown.Mask = eval.Personal(shop.store.Catalog())
	}
	why, err := eval.Explain(p, customer, env, shown)
	if err != nil {
		return err
	}
	if c.Format == "json" {
		return s.json(why)
	}
	_, err = fmt.Fprintln(s.out, why.Text(eval.Lang(c.Lang)))
	return err
}

type readCmd struct {
	catalogFlags
	Scope  string `enum:"members,guests,both" default:"members" help:"Whom the rule is about: ${enum}. Defaults to members."`
	Lang   string `enum:"en,ko" default:"en" help:"One of ${enum}. Defaults to en."`
	Format string `enum:"text,json" default:"text" help:"One of ${enum}. Defaults to text."`
	Rule   string `arg:"" help:"The rule."`
}

// Run is the command.
func (c *readCmd) Run(s *streams) error {
	cat, err := c.read()
	if err != nil {
		return err
	}
	rules, err := compiler(cat, c.Catalog)
	if err != nil {
		return err
	}
	p, err := checkRule(s, rules, c.Rule, compile.Options{Scope: plan.Scope(c.Scope)}) // any group may be meant
	if err != nil {
		return err
	}
	sentence := eval.Sentence(p, eval.Lang(c.Lang))
	if c.Format == "json" {
		return s.json(struct {
			Rule     string `json:"rule"`
			Lang     string `json:"lang"`
			Sentence string `json:"sentence"`
		}{c.Rule, c.Lang, sentence})
	}
	_, err = fmt.Fprintln(s.out, sentence)
	return err
}

// check is checkRule where no groups are known.
func check(s *streams, rules *compile.Compiler, rule string, scope plan.Scope) (*plan.Plan, error) {
	return checkRule(s, rules, rule, compile.Options{Scope: scope, Groups: func(string) bool { return false }})
}

// checkRule compiles a rule of the command line. Warnings go to standard error.
func checkRule(s *streams, rules *compile.Compiler, rule string, o compile.Options) (*plan.Plan, error) {
	rule = catalog.Type{}.Normal(rule) // as spans count it
	p, found := rules.Text(rule, o)
	shown := render("rule", rule, found)
	if p == nil {
		return nil, wrong{shown}
	}
	if shown != "" {
		fmt.Fprintln(s.err, shown)
	}
	return p, nil
}
