package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/dangol-dev/dangol/store/sqlstore"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
	"github.com/riverqueue/river/rivermigrate"
)

// riverGoal is what a dispatch has to reach of the rate at which river works off jobs
// that do nothing.
const riverGoal = 2

// riverAll measures river's inserts and work, and sets the best dispatch measured
// before beside the best of its work. Only PostgreSQL has it.
func riverAll(ctx context.Context, o options, e *engine, before []line, add func(line)) error {
	if e.dialect != sqlstore.Postgres {
		return nil
	}
	pool, err := pgxpool.New(ctx, e.dsn+"&pool_max_conns="+fmt.Sprint(connections))
	if err != nil {
		return err
	}
	defer pool.Close()
	migrator, err := rivermigrate.New(riverpgxv5.New(pool), nil)
	if err != nil {
		return err
	}
	if _, err := migrator.Migrate(ctx, rivermigrate.DirectionUp, nil); err != nil {
		return err
	}
	q := &queue{pool: pool}
	for _, workers := range []int{1, 8} {
		client, err := q.client(0)
		if err != nil {
			return err
		}
		m, err := byTurns(o.rounds, func() (float64, error) {
			return repeat(workers, o.took, func() error {
				_, err := client.Insert(ctx, job{Address: "c000000001"}, nil)
				return err
			})
		})
		if err != nil {
			return err
		}
		add(line{Work: "river inserts", Workers: workers, Peer: m[0], Name: "one at a time"})
	}
	m, err := byTurns(o.rounds, func() (float64, error) {
		began := time.Now()
		err := q.fill(ctx, o.messages)
		return float64(o.messages) / time.Since(began).Seconds(), err
	})
	if err != nil {
		return err
	}
	add(line{Work: "river inserts", Workers: 1, Peer: m[0], Name: "1,000 at once"})
	var best float64
	for _, workers := range []int{16, 1000} {
		m, err := byTurns(o.rounds, func() (float64, error) { return q.work(ctx, o.messages, workers) })
		if err != nil {
			return err
		}
		best = max(best, m[0])
		add(line{Work: "river works", Workers: workers, Peer: m[0], Name: "jobs that do nothing"})
	}
	for _, l := range before {
		if l.Goal == dispatchGoal {
			add(line{Work: l.Work, Workers: l.Workers, Ours: l.Ours, Peer: best, Name: "river's best", Goal: riverGoal})
		}
	}
	return nil
}

// job is a message as river would carry one.
type job struct {
	Address string `json:"address"`
}

func (job) Kind() string { return "send" }

// queue is river, told to look for work as often as it may.
type queue struct{ pool *pgxpool.Pool }

// worker counts down what is left and does nothing else.
type worker struct {
	river.WorkerDefaults[job]
	left *atomic.Int64
	done chan struct{}
}

func (w *worker) Work(context.Context, *river.Job[job]) error {
	if w.left.Add(-1) == 0 {
		close(w.done)
	}
	return nil
}

// client is for inserting only, without workers.
func (q *queue) client(workers int, more ...*worker) (*river.Client[pgx.Tx], error) {
	cfg := &river.Config{Logger: slog.New(slog.NewTextHandler(io.Discard, nil))}
	if workers > 0 {
		cfg.Queues = map[string]river.QueueConfig{river.QueueDefault: {MaxWorkers: workers}}
		cfg.FetchCooldown, cfg.FetchPollInterval = time.Millisecond, 2*time.Millisecond
		cfg.Workers = river.NewWorkers()
		river.AddWorker(cfg.Workers, more[0])
	}
	return river.NewClient(riverpgxv5.New(q.pool), cfg)
}

// fill makes the queue hold n jobs and nothing else.
func (q *queue) fill(ctx context.Context, n int) error {
	if _, err := q.pool.Exec(ctx, "TRUNCATE river_job"); err != nil {
		return err
	}
	client, err := q.client(0)
	if err != nil {
		return err
	}
	for n > 0 {
		params := make([]river.InsertManyParams, min(n, 1000))
		for i := range params {
			params[i].Args = job{Address: fmt.Sprintf("c%09d", i)}
		}
		if _, err := client.InsertManyFast(ctx, params); err != nil {
			return err
		}
		n -= len(params)
	}
	return nil
}

// work works off n jobs until all of them are recorded as completed.
func (q *queue) work(ctx context.Context, n, workers int) (float64, error) {
	if err := q.fill(ctx, n); err != nil {
		return 0, err
	}
	w := &worker{left: &atomic.Int64{}, done: make(chan struct{})}
	w.left.Store(int64(n))
	client, err := q.client(workers, w)
	if err != nil {
		return 0, err
	}
	began := time.Now()
	if err := client.Start(ctx); err != nil {
		return 0, err
	}
	<-w.done
	if err := client.Stop(ctx); err != nil { // waits for what is completed to be recorded
		return 0, err
	}
	took := time.Since(began)
	var open int
	if err := q.pool.QueryRow(ctx, "SELECT count(*) FROM river_job WHERE state <> 'completed'").Scan(&open); err != nil {
		return 0, err
	}
	if open > 0 {
		return 0, fmt.Errorf("%d jobs are not recorded as completed", open)
	}
	return float64(n) / took.Seconds(), nil
}
