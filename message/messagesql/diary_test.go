package messagesql_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/dangol-dev/dangol/message"
	"github.com/stretchr/testify/require"
)

// diary is a Store that adds a line to a file for every transaction that is about to be
// committed: what it found and wrote of which recipients. Processes share the file. Its
// lines stand in the order of the transactions, since SQLite has one writer.
type diary struct {
	message.Store
	path string
}

// entry is a line of a diary.
type entry struct {
	Process    int
	At         time.Time         // by the store's clock, where the transaction asked for it
	Recipients map[string]*touch // by customer: those that it read by their keys or wrote
}

// touch is what a transaction did to a recipient.
type touch struct {
	Found *standing // before it wrote
	Wrote *standing // nil when it only looked

	byKey bool
}

// standing is how a recipient stands.
type standing struct {
	State  message.RecipientState
	Leased bool
	Fence  int64 // names the claim
}

func (d diary) Update(ctx context.Context, f func(message.Tx) error) error {
	return d.Store.Update(ctx, func(tx message.Tx) error {
		below, ok := tx.(everyTx)
		if !ok {
			return fmt.Errorf("a %T lacks something that the service uses", tx)
		}
		p := &pen{below, entry{Process: os.Getpid(), Recipients: map[string]*touch{}}}
		if err := f(p); err != nil {
			return err
		}
		return p.add(d.path)
	})
}

type everyTx interface {
	message.Tx
	message.Many
	message.Clocked
}

// pen writes the entry of one transaction.
type pen struct {
	everyTx
	entry entry
}

// add adds the entry to the file. An empty line goes first, so that what a killed
// process could not finish does not spoil the next line.
func (p *pen) add(path string) error {
	maps.DeleteFunc(p.entry.Recipients, func(_ string, t *touch) bool { return !t.byKey && t.Wrote == nil })
	if len(p.entry.Recipients) == 0 {
		return nil
	}
	if p.entry.At.IsZero() {
		p.entry.At = time.Now()
	}
	line, err := json.Marshal(p.entry)
	if err != nil {
		return err
	}
	f, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer f.Close()
	_, err = f.Write(slices.Concat([]byte("\n"), line, []byte("\n")))
	return err
}

// touch gives what the entry says of a row, if it is a recipient's, and how the row has it.
func (p *pen) touch(t *message.Table, row message.Row) (*touch, *standing) {
	if t.Name != "recipients" || row == nil {
		return nil, nil
	}
	value := map[string]any{}
	for i, c := range t.Columns {
		value[c.Name] = row[i]
	}
	customer, _ := value["customer"].(string)
	state, _ := value["state"].(string)
	fence, _ := value["fence"].(int64)
	const leased = int64(2) // as the table says it
	s := &standing{State: message.RecipientState(state), Leased: value["live"] == leased, Fence: fence}
	if p.entry.Recipients[customer] == nil {
		p.entry.Recipients[customer] = &touch{}
	}
	return p.entry.Recipients[customer], s
}

func (p *pen) found(t *message.Table, byKey bool, rows ...message.Row) {
	for _, row := range rows {
		if one, s := p.touch(t, row); one != nil {
			one.byKey = one.byKey || byKey
			if one.Found == nil && one.Wrote == nil {
				one.Found = s
			}
		}
	}
}

func (p *pen) wrote(t *message.Table, rows ...message.Row) {
	for _, row := range rows {
		if one, s := p.touch(t, row); one != nil {
			one.Wrote = s
		}
	}
}

func (p *pen) Now() (time.Time, error) {
	at, err := p.everyTx.Now()
	p.entry.At = at
	return at, err
}

func (p *pen) Get(t *message.Table, key ...any) (message.Row, error) {
	row, err := p.everyTx.Get(t, key...)
	p.found(t, true, row)
	return row, err
}

func (p *pen) GetMany(t *message.Table, keys [][]any) ([]message.Row, error) {
	rows, err := p.everyTx.GetMany(t, keys)
	p.found(t, true, rows...)
	return rows, err
}

func (p *pen) Scan(t *message.Table, r message.Range) ([]message.Row, error) {
	rows, err := p.everyTx.Scan(t, r)
	p.found(t, false, rows...)
	return rows, err
}

func (p *pen) Put(t *message.Table, row message.Row) error {
	p.wrote(t, row)
	return p.everyTx.Put(t, row)
}

func (p *pen) PutMany(t *message.Table, rows []message.Row) error {
	p.wrote(t, rows...)
	return p.everyTx.PutMany(t, rows)
}

// step is an entry as one recipient has it.
type step struct {
	touch
	process int
	at      time.Time
}

// claims reads from a diary what happened to each recipient, and when each claim was made.
// No claim takes a recipient from another that has not held for a lease.
func claims(t *testing.T, path string) (of map[string][]step, made map[int64]time.Time) {
	t.Helper()
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	of, made = map[string][]step{}, map[int64]time.Time{}
	cut := 0
	for line := range bytes.Lines(text) {
		var e entry
		if line = bytes.TrimSpace(line); len(line) == 0 {
			continue
		}
		if json.Unmarshal(line, &e) != nil {
			cut++
			continue
		}
		for customer, one := range e.Recipients {
			of[customer] = append(of[customer], step{*one, e.Process, e.At})
			if one.Wrote == nil || !one.Wrote.Leased || one.Found != nil && one.Found.Fence == one.Wrote.Fence {
				continue
			}
			made[one.Wrote.Fence] = e.At
			require.NotNil(t, one.Found, "%s: claimed unseen", customer)
			if one.Found.Leased {
				before, known := made[one.Found.Fence]
				require.True(t, known, "%s", customer)
				require.False(t, e.At.Before(before.Add(lease)), "%s: taken from a claim after %s", customer, e.At.Sub(before))
			}
		}
	}
	require.LessOrEqual(t, cut, 1, "one process is killed")
	return of, made
}

// lastSubmit is when a recipient's message was last made durable as being submitted, and
// when the process that did so had to do with it again.
func lastSubmit(steps []step) (submit, next *step) {
	for i := range steps {
		switch one := &steps[i]; {
		case one.Wrote != nil && one.Wrote.State == message.Submitting &&
			(one.Found == nil || one.Found.State != message.Submitting):
			submit, next = one, nil
		case submit != nil && next == nil && one.process == submit.process:
			next = one
		}
	}
	return submit, next
}
