package main

import (
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/dangol-dev/dangol"
	"github.com/dangol-dev/dangol/dsl/catalog"
	"github.com/dangol-dev/dangol/eval/compile"
	"github.com/dangol-dev/dangol/eval/plan"
	"github.com/dangol-dev/dangol/internal/civil"
	"github.com/dangol-dev/dangol/store"
	"github.com/dangol-dev/dangol/store/csvdir"
)

// shopFlags name a shop's data and the moment of the question.
type shopFlags struct {
	Data     string `xor:"from" required:"" placeholder:"DIR" help:"Folder with customers.csv, a file for each kind of record, and perhaps catalog.yaml."`
	Store    string `xor:"from" required:"" placeholder:"URL" help:"A store that dangol load filled: sqlite:FILE, postgres://HOST/DATABASE, mysql://HOST/DATABASE or clickhouse://HOST/DATABASE."`
	Mapping  string `placeholder:"FILE" help:"The mapping of a shop's own tables in that database, in YAML. They are only read."`
	Catalog  string `placeholder:"FILE" help:"The catalog.yaml of what the store holds. Of a folder it is its own."`
	AsOf     string `placeholder:"T" help:"Answer as of this moment: a day (its local start) or RFC 3339. Defaults to now."`
	Zone     string `default:"UTC" placeholder:"Z" help:"The shop's time zone, such as Asia/Seoul. Defaults to UTC."`
	Currency string `default:"KRW" placeholder:"C" help:"The shop's currency. Defaults to KRW."`
}

// shop is the data, ready to be asked.
type shop struct {
	store store.Store
	close func() error
	rules *compile.Compiler
	asOf  time.Time
	zone  *time.Location
}

// open opens the shop and checks a rule over it, before it reads any data; close is
// to be called also after an error.
func (f *shopFlags) open(s *streams, rule string, scope plan.Scope) (out *shop, p *plan.Plan, err error) {
	out = &shop{close: func() error { return nil }}
	if out.zone, err = zoneOf(f.Zone); err != nil {
		return out, nil, err
	}
	if out.asOf, err = moment(f.AsOf, out.zone); err != nil {
		return out, nil, err
	}
	var cat *catalog.Catalog
	file := f.Catalog
	if f.Data != "" {
		if f.Mapping != "" {
			return out, nil, wrong{"dangol: --mapping: it is of a database: give --store"}
		}
		if f.Catalog != "" {
			return out, nil, wrong{"dangol: --catalog: a folder has its own " + csvdir.CatalogFile}
		}
		cat, file, err = folderCatalog(f.Data, f.Currency)
	} else {
		cat, err = (&catalogFlags{f.Catalog, f.Currency}).read()
	}
	if err != nil {
		return out, nil, err
	}
	if out.rules, err = compiler(cat, file); err != nil {
		return out, nil, err
	}
	if p, err = check(s, out.rules, rule, scope); err != nil {
		return out, nil, err
	}
	from := target{address: f.Store, mapping: f.Mapping}
	if f.Data != "" {
		from.address = "memory:"
	}
	if out.store, out.close, err = openStore(s.ctx, from, cat); err != nil || f.Data == "" {
		return out, p, err
	}
	return out, p, dataError(csvdir.Load(s.ctx, f.Data, out.store, csvdir.Options{Zone: out.zone}))
}

// folderCatalog is the shop's catalog as a folder extends it, and the file that may
// do so. It is asked first of all: without a folder nothing is made in a database.
func folderCatalog(dir, currency string) (*catalog.Catalog, string, error) {
	file := filepath.Join(dir, csvdir.CatalogFile)
	if _, err := os.ReadDir(dir); err != nil {
		return nil, file, fmt.Errorf("--data: %w", err)
	}
	cat, err := shopIn(currency)
	if err != nil {
		return nil, file, err
	}
	if _, err := os.Stat(file); err == nil {
		cat, err = extend(file, cat)
		return cat, file, err
	}
	return cat, file, nil
}

func zoneOf(name string) (*time.Location, error) {
	zone, err := time.LoadLocation(name)
	if err != nil || name == "Local" {
		return nil, wrong{fmt.Sprintf("dangol: --zone: no time zone is called %q", name)}
	}
	return zone, nil
}

// moment reads --as-of.
func moment(text string, zone *time.Location) (time.Time, error) {
	if text == "" {
		return dangol.SystemClock.Now(), nil
	}
	if day, err := time.Parse(time.DateOnly, text); err == nil {
		return civil.Date(day.Date()).In(zone), nil
	}
	at, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return at, wrong{fmt.Sprintf("dangol: --as-of: %q is not a day such as 2026-01-31, nor a time such as 2026-01-31T09:30:00+09:00", text)}
	}
	return at, nil
}
