// Command dangol answers rules over a folder of a shop's data, checks rules and
// formats them. See dangol --help.
//
// Exit codes: 0, 1 when something failed while running, 2 when what was given is
// wrong: a rule, the data, a flag. Results go to standard output, everything said
// about them to standard error.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"unicode/utf8"

	_ "time/tzdata" // time zones, also where the machine has none

	"github.com/alecthomas/kong"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	code := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// commands is the command line as kong reads it.
type commands struct {
	Select  selectCmd  `cmd:"" help:"Print the ids of the customers that a rule selects."`
	Explain explainCmd `cmd:"" help:"Tell why a rule selects a customer, or does not, and until when."`
	Read    readCmd    `cmd:"" help:"Read a rule back as a sentence."`
	Check   checkCmd   `cmd:"" help:"Check files of groups and conditions."`
	Fmt     fmtCmd     `cmd:"" help:"Format the rules of files."`
	Import  importCmd  `cmd:"" help:"Turn a segment of Shopify's query language into a rule."`
	Load    loadCmd    `cmd:"" help:"Load a folder into a database, all of it or nothing."`
	SQL     sqlCmd     `cmd:"" name:"sql" help:"Print the statements that find a rule's members in such a database."`
}

// streams are where a command writes.
type streams struct {
	ctx      context.Context
	out, err io.Writer
}

// json prints a result.
func (s *streams) json(v any) error {
	e := json.NewEncoder(s.out)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(v)
}

// wrong is an error in what was given: text for people, already complete.
type wrong struct{ text string }

func (w wrong) Error() string { return w.text }

// run is main without the process: it returns the exit code.
func run(ctx context.Context, args []string, out, err io.Writer) int {
	var cli commands
	helped := false
	parser, parseErr := kong.New(&cli,
		kong.Name("dangol"),
		kong.Description("Customer segmentation by rules.\n\nExit codes: 0; 1 when something failed while running; 2 when a rule, the data or a flag is wrong."),
		kong.Writers(out, err),
		kong.Exit(func(int) { helped = true }),
		kong.UsageOnError(),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true}),
	)
	if parseErr != nil {
		fmt.Fprintln(err, "dangol:", parseErr)
		return 1
	}
	for _, arg := range args {
		if !utf8.ValidString(arg) { // the parser of flags would mend it, and a rule would mean something else
			fmt.Fprintf(err, "dangol: %q is not UTF-8 text\n", arg)
			return 2
		}
	}
	at, parseErr := parser.Parse(args)
	if helped {
		return 0
	}
	if parseErr != nil {
		fmt.Fprintln(err, "dangol:", parseErr)
		return 2
	}
	return exit(at.Run(&streams{ctx, out, err}), err)
}

// exit says what went wrong and gives the exit code for it.
func exit(failed error, err io.Writer) int {
	var w wrong
	switch {
	case failed == nil:
		return 0
	case errors.As(failed, &w):
		if w.text != "" { // otherwise it was said already
			fmt.Fprintln(err, w.text)
		}
		return 2
	case errors.Is(failed, context.Canceled):
		failed = errors.New("interrupted")
	}
	fmt.Fprintln(err, "dangol:", failed)
	return 1
}
