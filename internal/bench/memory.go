package main

import (
	"sync"
	"time"
)

// memorySpeed is how many GB a second the threads together read from memory.
func memorySpeed(threads int) float64 {
	const words = 32 << 20
	data := make([]uint64, words)
	for i := range data {
		data[i] = uint64(i)
	}
	best := time.Hour
	results := make([]uint64, threads)
	for range 4 {
		began := time.Now()
		var wg sync.WaitGroup
		for t := range threads {
			wg.Go(func() {
				part := data[t*words/threads : (t+1)*words/threads]
				var a, b, c, d uint64
				for ; len(part) >= 4; part = part[4:] {
					a, b, c, d = a+part[0], b+part[1], c+part[2], d+part[3]
				}
				results[t] += a + b + c + d
			})
		}
		wg.Wait()
		best = min(best, time.Since(began))
	}
	return float64(8*words) / best.Seconds() / 1e9
}
