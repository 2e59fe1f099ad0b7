package main

import (
	"errors"
	"fmt"

	"github.com/dangol-dev/dangol/store/csvdir"
	"github.com/dangol-dev/dangol/store/sqlstore"
)

type loadCmd struct {
	Data     string `required:"" placeholder:"DIR" help:"Folder with customers.csv, a file for each kind of record, and perhaps catalog.yaml."`
	Store    string `required:"" placeholder:"URL" help:"Where to: sqlite:FILE, postgres://HOST/DATABASE, mysql://HOST/DATABASE or clickhouse://HOST/DATABASE."`
	Replace  bool   `help:"On ClickHouse, which is loaded whole: put this data in the place of what is loaded. It is refused otherwise."`
	Zone     string `default:"UTC" placeholder:"Z" help:"The shop's time zone, in which bare dates start. Defaults to UTC."`
	Currency string `default:"KRW" placeholder:"C" help:"The shop's currency. Defaults to KRW."`
}

// Run is the command. All of the folder is loaded, or nothing.
func (c *loadCmd) Run(s *streams) (err error) {
	zone, err := zoneOf(c.Zone)
	if err != nil {
		return err
	}
	cat, _, err := folderCatalog(c.Data, c.Currency)
	if err != nil {
		return err
	}
	into, done, err := openStore(s.ctx, target{address: c.Store, load: true, replace: c.Replace}, cat)
	defer func() { err = errors.Join(err, done()) }()
	if err != nil {
		return err
	}
	err = csvdir.Load(s.ctx, c.Data, into, csvdir.Options{Zone: zone})
	if errors.Is(err, sqlstore.ErrLoaded) {
		return wrong{"dangol: --store: " + err.Error() + "; --replace puts this data in its place"}
	}
	return dataError(err)
}

// dataError makes an error of the data one that ends with code 2.
func dataError(err error) error {
	if bad := (csvdir.Errors)(nil); errors.As(err, &bad) {
		return wrong{bad.Error()}
	}
	return err
}

type sqlCmd struct {
	catalogFlags
	Dialect string `enum:"sqlite,postgres,mysql,clickhouse" required:"" help:"One of ${enum}."`
	AsOf    string `placeholder:"T" help:"As of this moment. Defaults to now."`
	Zone    string `default:"UTC" placeholder:"Z" help:"The shop's time zone. Defaults to UTC."`
	Scope   string `enum:"members,guests,both" default:"members" help:"Whom the rule is about: ${enum}. Defaults to members."`
	Format  string `enum:"text,json" default:"text" help:"One of ${enum}. Defaults to text."`
	Rule    string `arg:"" help:"The rule."`
}

// statement is what a rule becomes.
type statement struct {
	For   string `json:"for"`
	SQL   string `json:"sql"`
	Args  []any  `json:"args"`
	Parts []part `json:"parts,omitempty"`
}

// part is what of a statement stands for what of the rule.
type part struct {
	Rule string `json:"rule"`
	SQL  string `json:"sql"`
	From int    `json:"from"` // byte of the statement, from 0
}

// Run is the command.
func (c *sqlCmd) Run(s *streams) error {
	list, err := c.statements(s)
	if err != nil {
		return err
	}
	if c.Format == "json" {
		return s.json(list)
	}
	for _, one := range list {
		fmt.Fprintf(s.out, "-- %s\n%s;\n", one.For, one.SQL)
		for i, arg := range one.Args {
			fmt.Fprintf(s.out, "-- argument %d: %v\n", i+1, arg)
		}
	}
	return nil
}
