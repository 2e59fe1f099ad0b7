package main

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/dangol-dev/dangol"
	"github.com/dangol-dev/dangol/dsl/catalog"
	"github.com/dangol-dev/dangol/dsl/rulefile"
	"github.com/dangol-dev/dangol/dsl/source"
	"github.com/dangol-dev/dangol/eval/compile"
)

// catalogFlags name the vocabulary of a rule that is read without data.
type catalogFlags struct {
	Catalog  string `placeholder:"FILE" help:"A catalog.yaml that extends the shop's catalog."`
	Currency string `default:"KRW" placeholder:"C" help:"The shop's currency. Defaults to KRW."`
}

func (f *catalogFlags) read() (*catalog.Catalog, error) {
	base, err := shopIn(f.Currency)
	if err != nil || f.Catalog == "" {
		return base, err
	}
	return extend(f.Catalog, base)
}

// shopIn is the shop's catalog in a currency.
func shopIn(code string) (*catalog.Catalog, error) {
	currency := dangol.Currency(strings.ToUpper(code))
	if _, ok := currency.Digits(); !ok {
		return nil, wrong{fmt.Sprintf("dangol: --currency: %q is not a currency of ISO 4217", code)}
	}
	return catalog.ShopIn(currency), nil
}

// extend reads a catalog file on top of a base.
func extend(name string, base *catalog.Catalog) (*catalog.Catalog, error) {
	text, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	c, err := rulefile.ReadCatalog(name, text, base)
	return c, author(err)
}

// author makes an error of a file that a person wrote one that ends with code 2.
func author(err error) error {
	if bad := (*rulefile.Error)(nil); errors.As(err, &bad) {
		return wrong{strings.TrimSuffix(bad.Error(), "\n")}
	}
	return err
}

// compiler reads the texts of a catalog; the file is where they stand.
func compiler(c *catalog.Catalog, file string) (*compile.Compiler, error) {
	rules, err := compile.New(c)
	if err != nil {
		return nil, wrong{file + ": " + err.Error()}
	}
	return rules, nil
}

// render shows diagnostics, "" for none.
func render(name, text string, found source.Diagnostics) string {
	return strings.TrimSuffix(source.Render(name, text, found), "\n")
}
