// Firstpurchase is the shortest wiring of the whole library: new members without a
// first order get a coupon by message. It lives three days of a small generated
// shop in Seoul, in one SQLite file, and prints what happened.
//
// The three days are a list of steps (story.go). Each is noted in the file when it
// is done, and each may be repeated, so the program can be killed at any moment and
// run again: it goes on where it was, sends nothing twice, and ends the same.
package main

import (
	"context"
	"database/sql"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"

	"github.com/dangol-dev/dangol/message"
	"github.com/dangol-dev/dangol/store/sqlstore"
	_ "modernc.org/sqlite"
)

func main() {
	file := flag.String("db", "firstpurchase.db", "the SQLite file that holds the shop; messages go to the file beside it, ending in .messages.jsonl")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Stdout, options{file: *file}); err != nil {
		fmt.Fprintln(os.Stderr, "firstpurchase:", err)
		os.Exit(1)
	}
}

// options let tests stand between the program and what makes things durable.
type options struct {
	file   string
	driver string                              // of database/sql. Defaults to "sqlite"
	sender func(message.Sender) message.Sender // Defaults to the file sender itself
}

func run(ctx context.Context, out io.Writer, o options) error {
	if o.driver == "" {
		o.driver = "sqlite"
	}
	db, err := sql.Open(o.driver, sqlstore.SQLiteDSN(o.file))
	if err != nil {
		return err
	}
	defer db.Close()
	outbox := o.file + ".messages.jsonl"
	var sender message.Sender = &message.FileSender{Path: outbox}
	if o.sender != nil {
		sender = o.sender(sender)
	}
	s, err := open(ctx, sqlstore.SQLiteWriter(db), sender, outbox)
	if err != nil {
		return err
	}
	if err := s.live(ctx); err != nil {
		return err
	}
	return s.tell(ctx, out)
}
