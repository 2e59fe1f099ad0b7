// Campaigns lives through two weeks of a small shop in simulated time: a win-back
// coupon every morning, and a reminder an hour after a cart was left. Two worker
// processes share one SQLite file; one of them is killed in the middle of a send, and
// started again. Nobody gets a message twice and nobody is forgotten.
//
//	go run ./examples/campaigns
package main

import (
	"bufio"
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/dangol-dev/dangol/message"
)

func main() {
	dir := flag.String("dir", "", "folder of the shop's state; a temporary one when empty")
	worker := flag.String("worker", "", "run as a worker process of this name")
	flag.Parse()
	ctx := context.Background()
	if *worker != "" {
		if err := work(ctx, *dir, *worker, os.Stdin, os.Stdout); err != nil {
			fmt.Fprintln(os.Stderr, *worker+":", err)
			os.Exit(1)
		}
		return
	}
	if err := run(ctx, *dir, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// process is a worker: a child of this program that ticks when it is told the time.
type process struct {
	name string
	cmd  *exec.Cmd
	in   io.WriteCloser
	out  *bufio.Scanner
}

func startWorker(ctx context.Context, dir, name string) (*process, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, self, "-dir", dir, "-worker", name)
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	return &process{name, cmd, in, bufio.NewScanner(out)}, cmd.Start()
}

// tell asks the worker to tick at a time.
func (p *process) tell(order string) error {
	_, err := fmt.Fprintln(p.in, order)
	return err
}

// next is the worker's answer: when something is due next. A worker that died gives
// none.
func (p *process) next() (time.Time, bool, error) {
	if !p.out.Scan() {
		return time.Time{}, false, p.out.Err()
	}
	if p.out.Text() == "never" {
		return time.Time{}, true, nil
	}
	at, err := time.Parse(time.RFC3339Nano, p.out.Text())
	return at, true, err
}

func run(ctx context.Context, dir string, w io.Writer) error {
	if dir == "" {
		tmp, err := os.MkdirTemp("", "dangol-campaigns-")
		if err != nil {
			return err
		}
		defer os.RemoveAll(tmp)
		dir = tmp
	}
	now := opening
	svc, closeShop, err := open(ctx, dir, func() time.Time { return now }, &message.FileSender{Path: filepath.Join(dir, "sent.jsonl")})
	if err != nil {
		return err
	}
	defer closeShop()
	if err := prepare(ctx, svc); err != nil {
		return err
	}
	var workers []*process
	for _, name := range []string{"worker 1", "worker 2"} {
		p, err := startWorker(ctx, dir, name)
		if err != nil {
			return err
		}
		workers = append(workers, p)
	}
	carts := cartEvents()
	killed := false
	for now.Before(closing) {
		for len(carts) > 0 && !carts[0].At.After(now) {
			if err := svc.Fire(ctx, carts[0]); err != nil {
				return err
			}
			carts = carts[1:]
		}
		order := "tick"
		if !killed && !now.Before(opening.Add(time.Hour)) {
			order, killed = "die", true
			fmt.Fprintf(w, "%s  %s is killed in the middle of a send\n", now.In(seoul).Format("01-02 15:04"), workers[1].name)
		}
		next := closing
		if len(carts) > 0 && carts[0].At.Before(next) {
			next = carts[0].At
		}
		for i, p := range workers {
			what := "tick"
			if i == 1 {
				what = order
			}
			if err := p.tell(what + " " + now.Format(time.RFC3339Nano)); err != nil {
				return err
			}
		}
		for i, p := range workers {
			at, alive, err := p.next()
			if err != nil {
				return err
			}
			if !alive {
				_ = p.cmd.Wait() // it was killed: that is what its state says
				if workers[i], err = startWorker(ctx, dir, p.name); err != nil {
					return err
				}
				continue
			}
			if !at.IsZero() && at.Before(next) {
				next = at
			}
		}
		if !next.After(now) { // the other worker's leases, or the dead one's, are still alive
			next = now.Add(time.Second)
		}
		now = next
	}
	for _, p := range workers {
		if err := p.in.Close(); err != nil {
			return err
		}
		if err := p.cmd.Wait(); err != nil {
			return err
		}
	}
	return report(ctx, w, svc, dir)
}

// work ticks at each time it is told, until its input ends.
func work(ctx context.Context, dir, name string, in io.Reader, out io.Writer) error {
	var now time.Time
	sender := &mortalSender{FileSender: message.FileSender{Path: filepath.Join(dir, "sent.jsonl")}}
	svc, closeShop, err := open(ctx, dir, func() time.Time { return now }, sender)
	if err != nil {
		return err
	}
	defer closeShop()
	orders := bufio.NewScanner(in)
	for orders.Scan() {
		verb, at, _ := strings.Cut(orders.Text(), " ")
		if now, err = time.Parse(time.RFC3339Nano, at); err != nil {
			return err
		}
		if verb == "die" {
			sender.left = 2
		}
		p, err := svc.Tick(ctx)
		if err != nil {
			return err
		}
		if verb == "die" { // it found nothing to send, and dies all the same
			kill()
		}
		answer := "never"
		if !p.Next.IsZero() {
			answer = p.Next.Format(time.RFC3339Nano)
		}
		fmt.Fprintln(out, answer)
	}
	return orders.Err()
}

// mortalSender kills its process after some messages.
type mortalSender struct {
	message.FileSender
	left int
}

func (s *mortalSender) Send(ctx context.Context, m message.Message) (message.Receipted, error) {
	got, err := s.FileSender.Send(ctx, m)
	if s.left > 0 {
		if s.left--; s.left == 0 {
			kill() // the provider has the message, and nobody here will know
		}
	}
	return got, err
}

func kill() {
	if p, err := os.FindProcess(os.Getpid()); err == nil {
		_ = p.Kill()
	}
	select {}
}

// report prints what the two weeks came to.
func report(ctx context.Context, w io.Writer, svc *message.Service, dir string) error {
	lines, err := (&message.FileSender{Path: filepath.Join(dir, "sent.jsonl")}).Lines()
	if err != nil {
		return err
	}
	perDay, twice, keys := map[string]int{}, 0, map[string]bool{}
	for _, l := range lines {
		perDay[l.Campaign]++
		if keys[l.Key] {
			twice++
		}
		keys[l.Key] = true
	}
	fmt.Fprintf(w, "\none of the messages:\n\n  %s\n", strings.ReplaceAll(lines[0].Text, "\n", "\n  "))
	fmt.Fprintf(w, "\n%-10s %8s %10s %8s %8s %8s\n", "campaign", "audience", "submitted", "dropped", "unknown", "in file")
	for _, id := range []string{"win-back", "cart"} {
		r, err := svc.Results(ctx, id)
		if err != nil {
			return err
		}
		fmt.Fprintf(w, "%-10s %8d %10d %8d %8d %8d\n", id, r.Audience, r.Outcomes[message.Submitted], r.Outcomes[message.Dropped], r.Outcomes[message.Unknown], perDay[id])
		reasons := make([]string, 0, len(r.Reasons))
		for reason, n := range r.Reasons {
			reasons = append(reasons, fmt.Sprintf("%s %d", reason, n))
		}
		slices.Sort(reasons)
		fmt.Fprintf(w, "           not sent: %s\n", strings.Join(reasons, ", "))
		gaps, err := svc.Check(ctx, id)
		if err != nil {
			return err
		}
		fmt.Fprintf(w, "           gaps in the ledger: %d\n", len(gaps))
	}
	fmt.Fprintf(w, "\nmessages that went out twice: %d\n", twice)
	return nil
}
