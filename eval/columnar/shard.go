package columnar

import (
	"slices"

	"github.com/dangol-dev/dangol"
	"github.com/dangol-dev/dangol/internal/sample"
)

// The states of a customer's place in a shard.
const (
	gone uint8 = iota
	member
	guest
)

// shard is up to shardSize customers with all their rows. As with logs, the
// writer copies the headers of a shard that is not of its epoch.
type shard struct {
	epoch   uint64
	n       int
	ids     []dangol.CustomerID
	bucket  []uint32 // of samples
	named   uint64   // epoch of the writer that owns ids and bucket
	state   []uint8
	held    uint64 // epoch of the writer that owns state
	guests  int
	members int
	attrs   []*codes // nil: every value is missing
	logs    []*log   // by kind
}

func newShard(s *schema, epoch uint64) *shard {
	sh := &shard{epoch: epoch, held: epoch, named: epoch, attrs: make([]*codes, len(s.attrs)), logs: make([]*log, len(s.kinds))}
	for i, k := range s.kinds {
		sh.logs[i] = newLog(k, epoch)
	}
	return sh
}

func (sh *shard) writable(epoch uint64) *shard {
	if sh.epoch == epoch {
		return sh
	}
	out := *sh
	out.epoch = epoch
	out.logs = slices.Clone(sh.logs)
	out.attrs = slices.Clone(sh.attrs)
	for i, c := range out.attrs {
		if c != nil {
			header := *c
			out.attrs[i] = &header
		}
	}
	return &out
}

// log is the log of a kind, ready to be written.
func (sh *shard) log(kind int, epoch uint64) *log {
	sh.logs[kind] = sh.logs[kind].writable(epoch)
	return sh.logs[kind]
}

// fill writes an attribute of a customer, as log.fill.
func (sh *shard) fill(s *schema, local, a int, code uint64, epoch uint64) {
	c := sh.attrs[a]
	if c == nil {
		if code == 0 {
			return
		}
		c = newCodes(s.attrs[a].of)
		c.epoch = epoch
		sh.attrs[a] = c
	}
	if c.n > local {
		c.set(local, code, epoch)
		return
	}
	c.extend(local, epoch)
	c.append(code, epoch)
	c.extend(sh.n, epoch)
}

// add makes a place at the end, whose customer is still gone.
func (sh *shard) add(id dangol.CustomerID) (local int) {
	local = sh.n
	sh.ids = append(sh.ids, id)
	sh.bucket = append(sh.bucket, sample.Bucket(string(id)))
	sh.state = append(sh.state, gone)
	sh.n++
	return local
}

// rename gives a place whose customer is gone to another. The rows of the former
// are nobody's, and attributes are written for every customer who comes.
func (sh *shard) rename(local int, id dangol.CustomerID, epoch uint64) {
	if sh.named != epoch {
		sh.ids, sh.bucket, sh.named = slices.Clone(sh.ids), slices.Clone(sh.bucket), epoch
	}
	sh.ids[local], sh.bucket[local] = id, sample.Bucket(string(id))
}

// be sets what a place is: gone, member or guest.
func (sh *shard) be(local int, state uint8, epoch uint64) {
	if sh.held != epoch {
		sh.state, sh.held = slices.Clone(sh.state), epoch
	}
	sh.guests += int(bit(state == guest)) - int(bit(sh.state[local] == guest))
	sh.members += int(bit(state == member)) - int(bit(sh.state[local] == member))
	sh.state[local] = state
}

// tidy is the shard with its untidy logs merged, nil when there are none. A log
// whose parent moves is merged too. It leaves sh as it was. What it makes is of no
// writer's epoch: whoever writes next copies headers.
func (sh *shard) tidy(all bool) *shard {
	const epoch = 0
	out := *sh
	out.epoch = epoch
	out.logs = slices.Clone(sh.logs)
	moved := make([][]uint32, len(sh.logs))
	any := false
	for i, l := range sh.logs {
		var parents []uint32
		if p := l.kind.parent; p != nil {
			parents = moved[p.index]
		}
		if parents == nil && !l.worthMerging(all) {
			continue
		}
		any = true
		out.logs[i], moved[i] = l.merged(parents, epoch)
	}
	if !any {
		return nil
	}
	return &out
}

// worthMerging tells whether tidy has anything to do.
func (sh *shard) worthMerging(all bool) bool {
	return slices.ContainsFunc(sh.logs, func(l *log) bool { return l.worthMerging(all) })
}

func (sh *shard) bytes() int {
	n := len(sh.state) + 4*len(sh.bucket)
	for _, id := range sh.ids {
		n += 16 + len(id)
	}
	for _, c := range sh.attrs {
		if c != nil {
			n += c.bytes()
		}
	}
	for _, l := range sh.logs {
		n += l.bytes()
	}
	return n
}
