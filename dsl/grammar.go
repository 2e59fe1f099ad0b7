package dsl

import (
	"errors"
	"sync"

	"github.com/alecthomas/participle/v2"
	"github.com/alecthomas/participle/v2/lexer"

	"github.com/dangol-dev/dangol/dsl/source"
)

// The grammar of docs/grammar.ebnf, one struct a production. Two productions are
// flattened so that a value costs fewer steps: signs and "not" are collected by
// the production that they stand before, and the operators of a sum are climbed
// by precedence when the tree is built. One production is written as code.
//
// All choices are made by one token and never taken back, so an error is found at
// the first token that fits nothing. Only where a word may be a keyword or a name,
// as in last week and last(orders), the grammar looks at the second token: (?= ).

// place is embedded in productions whose extent the tree needs.
type place struct{ Tokens []lexer.Token }

func (p place) span() source.Span {
	if len(p.Tokens) == 0 {
		return source.Span{}
	}
	return spanOf(p.Tokens[0]).Join(spanOf(p.Tokens[len(p.Tokens)-1]))
}

type orRule struct {
	place
	Terms []*andRule `parser:"@@ ('or' @@)*"`
}

type andRule struct {
	place
	Terms []*testRule `parser:"@@ ('and' @@)*"`
}

type testRule struct {
	place
	Nots []lexer.Token `parser:"@('not'+)?"`
	Left *sumRule      `parser:"@@"`
	Tail *tailRule     `parser:"@@?"`
}

type tailRule struct {
	Op       *lexer.Token  `parser:"(   @Compare"`
	Right    *sumRule      `parser:"    @@"`
	NotKnown bool          `parser:"|   'is' @'not'?"`
	Known    bool          `parser:"    @'known'"`
	Not      bool          `parser:"|   @'not'"`
	Relation *relationRule `parser:"    @@ | @@ )"`
}

type relationRule struct {
	Within   *spanRule     `parser:"(   'within' @@"`
	Between  *betweenRule  `parser:"|   'between' @@"`
	List     *listRule     `parser:"|   'in' ( @@"`
	Rank     *rankRule     `parser:"         | @@ )"`
	Contains *containsRule `parser:"|   'contains' @@"`
	Affix    string        `parser:"|   @('starts' | 'ends') 'with'"`
	Text     *lexer.Token  `parser:"    @String"`
	When     string        `parser:"|   @('before' | 'after' | 'on')"`
	Point    *pointRule    `parser:"    @@ )"`
}

type betweenRule struct {
	Low  *sumRule `parser:"@@ 'and'"`
	High *sumRule `parser:"@@"`
}

type containsRule struct {
	Text *lexer.Token `parser:"  @String"`
	Mode string       `parser:"| @('any' | 'all')"`
	List *listRule    `parser:"  @@"`
}

type rankRule struct {
	Side    string       `parser:"@('top' | 'bottom')"`
	N       lexer.Token  `parser:"@Number"`
	Percent *lexer.Token `parser:"@'%'?"`
}

type listRule struct {
	Items []*sumRule `parser:"'(' @@ (',' @@)* ')'"`
}

type sumRule struct {
	First *unaryRule       `parser:"@@"`
	Rest  []*operationRule `parser:"@@*"`
}

type operationRule struct {
	Op lexer.Token `parser:"@Arith"`
	X  *unaryRule  `parser:"@@"`
}

type unaryRule struct {
	place
	Minus []lexer.Token `parser:"@('-'+)?"`
	Value *valueRule    `parser:"(   @@"`
	Group *lexer.Token  `parser:"|   (?= 'in' 'group') 'in' 'group' @String"`
	Paren *parenRule    `parser:"|   @@"`
	Call  *callRule     `parser:"|   @@ )"`
}

type parenRule struct {
	place
	X *orRule `parser:"'(' @@ ')'"`
}

type pointRule struct {
	Value *valueRule `parser:"  @@"`
	Call  *callRule  `parser:"| @@"`
}

type callRule struct {
	place
	Path []lexer.Token `parser:"@(Name ('.' Name)*) '('"`
	Args []*argRule    `parser:"(@@ (',' @@)*)? ')'"`
}

type argRule struct {
	place
	Only   *orRule   `parser:"  'where' @@"`
	Window *spanRule `parser:"| @@"`
	Where  *orRule   `parser:"  ('where' @@)?"`
}

type spanRule struct {
	place
	Local string       `parser:"  (?= ('this' | 'last') Unit) @('this' | 'last')"`
	Unit  *lexer.Token `parser:"  @Unit"`
	Edge  string       `parser:"| (?= ('since' | 'before' | 'next') (Name | Number | Date | String | Constant)) @('since' | 'before' | 'next')"`
	Of    *pointRule   `parser:"  @@"`
	From  *pointRule   `parser:"| @@"`
	To    *pointRule   `parser:"  ('..' @@)?"`
}

// valueRule is a literal, or a name that is not called. Most of a rule is values,
// so this production is written out: as tags it takes twice the time.
type valueRule struct{ place }

// Parse takes
//
//	String | Date | Constant | Number [ "%" | Currency | "full" Unit | Unit [ "ago" ] ] | Name { "." Name }
//
// and nothing else: a name before a parenthesis, and in before group, are for
// other productions.
func (r *valueRule) Parse(lex *lexer.PeekingLexer) error {
	start := lex.MakeCheckpoint()
	switch first := lex.Peek(); first.Type {
	case stringToken, dateToken, constantToken:
		lex.Next()
	case numberToken:
		lex.Next()
		switch t := lex.Peek(); {
		case t.Value == "%" || t.Type == currencyToken:
			lex.Next()
		case t.Type == unitToken:
			lex.Next()
			if lex.Peek().Value == "ago" {
				lex.Next()
			}
		case t.Value == "full" && t.Type == nameToken:
			lex.Next()
			if lex.Next().Type != unitToken {
				return unexpected(lex, start, 2)
			}
		}
	case nameToken:
		lex.Next()
		if first.Value == "in" && lex.Peek().Value == "group" {
			lex.LoadCheckpoint(start)
			return participle.NextMatch
		}
		for names := 1; lex.Peek().Value == "."; names++ {
			lex.Next()
			if lex.Next().Type != nameToken {
				return unexpected(lex, start, 2*names)
			}
		}
		if lex.Peek().Value == "(" {
			lex.LoadCheckpoint(start)
			return participle.NextMatch
		}
	default:
		return participle.NextMatch
	}
	r.Tokens = lex.Range(start.RawCursor(), lex.RawCursor())
	return nil
}

// unexpected is the error for the token so many after the start of a value.
func unexpected(lex *lexer.PeekingLexer, start lexer.Checkpoint, after int) error {
	at := start.RawCursor() + lexer.RawCursor(after)
	return &participle.UnexpectedTokenError{Unexpected: lex.Range(at, at+1)[0]}
}

var grammar = sync.OnceValue(func() *participle.Parser[orRule] {
	return participle.MustBuild[orRule](participle.Lexer(tokenSource{}), participle.UseLookahead(0))
})

// match runs the grammar over the tokens, the last of which is the end. It gives
// the production, or the index of the first token that cannot stand where it does.
func match(tokens []token) (*orRule, int, error) {
	stream, err := lexer.Upgrade(&replay{tokens})
	if err != nil {
		return nil, 0, err
	}
	rule, err := grammar().ParseFromLexer(stream)
	if err == nil {
		return rule, 0, nil
	}
	var unexpected *participle.UnexpectedTokenError
	if !errors.As(err, &unexpected) {
		return nil, 0, err
	}
	for i, t := range tokens {
		if t.Pos.Offset == unexpected.Unexpected.Pos.Offset {
			return nil, i, errSyntax
		}
	}
	return nil, len(tokens) - 1, errSyntax
}

// errSyntax is returned by match when a token stands where it cannot.
var errSyntax = errors.New("syntax")

func spanOf(t token) source.Span {
	return source.Span{Start: t.Pos.Offset, End: t.Pos.Offset + len(t.Value)}
}
