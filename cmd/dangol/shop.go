package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/dangol-dev/dangol"
	"github.com/dangol-dev/dangol/eval/compile"
	"github.com/dangol-dev/dangol/internal/civil"
	"github.com/dangol-dev/dangol/store/csvdir"
	"github.com/dangol-dev/dangol/store/memstore"
)

// shopFlags name a shop's data and the moment of the question.
type shopFlags struct {
	Data     string `required:"" placeholder:"DIR" help:"Folder with customers.csv, a file for each kind of record, and perhaps catalog.yaml."`
	AsOf     string `placeholder:"T" help:"Answer as of this moment: a day (its local start) or RFC 3339. Defaults to now."`
	Zone     string `default:"UTC" placeholder:"Z" help:"The shop's time zone, such as Asia/Seoul. Defaults to UTC."`
	Currency string `default:"KRW" placeholder:"C" help:"The shop's currency. Defaults to KRW."`
}

// shop is the data, ready to be asked.
type shop struct {
	store *memstore.Store
	rules *compile.Compiler
	asOf  time.Time
	zone  *time.Location
}

func (f *shopFlags) open(s *streams) (*shop, error) {
	zone, err := time.LoadLocation(f.Zone)
	if err != nil || f.Zone == "Local" {
		return nil, wrong{fmt.Sprintf("dangol: --zone: no time zone is called %q", f.Zone)}
	}
	asOf, err := moment(f.AsOf, zone)
	if err != nil {
		return nil, err
	}
	cat, err := shopIn(f.Currency)
	if err != nil {
		return nil, err
	}
	file := filepath.Join(f.Data, csvdir.CatalogFile)
	if _, err := os.Stat(file); err == nil {
		if cat, err = extend(file, cat); err != nil {
			return nil, err
		}
	}
	rules, err := compiler(cat, file)
	if err != nil {
		return nil, err
	}
	data, err := memstore.New(cat, memstore.Options{})
	if err != nil {
		return nil, err
	}
	err = csvdir.Load(s.ctx, f.Data, data, csvdir.Options{Zone: zone})
	if bad := (csvdir.Errors)(nil); errors.As(err, &bad) {
		return nil, wrong{bad.Error()}
	}
	if err != nil {
		return nil, err
	}
	return &shop{data, rules, asOf, zone}, nil
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
