package columnar

import (
	"math"
	"slices"
)

// uplinks are the links of a log's rows to their parents: the parent's row and 1, 0
// for none. Parents of rows near each other are mostly near each other, so a link is
// kept as its distance from a base that a block of rows has in common; where one is
// too far away, all links of the log are kept as they are.
//
// A copy of the struct stays what it is while links are appended. Before one is set,
// own copies what readers may see.
type uplinks struct {
	near []uint16 // 0 for none
	base []uint32 // by block
	far  []uint32 // instead, where there are any
}

const (
	uplinkBits  = 12
	uplinkBlock = 1 << uplinkBits
)

// at is the link of row i.
func (u *uplinks) at(i int) uint32 {
	if u.far != nil {
		return u.far[i]
	}
	if d := u.near[i]; d != 0 {
		return u.base[i>>uplinkBits] + uint32(d)
	}
	return 0
}

// append adds the link of the next row.
func (u *uplinks) append(link uint32) {
	if u.far == nil {
		if block := len(u.near) >> uplinkBits; block == len(u.base) {
			u.base = append(u.base, u.baseFor(link))
		}
		if d, ok := u.distance(len(u.near), link); ok {
			u.near = append(u.near, d)
			return
		}
		u.widen()
	}
	u.far = append(u.far, link)
}

// baseFor is the base of the next block, which starts with a link.
func (u *uplinks) baseFor(link uint32) uint32 {
	if link == 0 && len(u.base) > 0 {
		return u.base[len(u.base)-1]
	}
	return max(link, math.MaxUint16/2) - math.MaxUint16/2
}

// distance is how a link is kept as that of row i, not ok where it is too far away.
func (u *uplinks) distance(i int, link uint32) (uint16, bool) {
	base := u.base[i>>uplinkBits]
	switch {
	case link == 0:
		return 0, true
	case link <= base || link-base > math.MaxUint16:
		return 0, false
	}
	return uint16(link - base), true
}

// widen keeps all links as they are.
func (u *uplinks) widen() {
	far := make([]uint32, len(u.near), len(u.near)+len(u.near)/4+1)
	u.copy(far, 0)
	*u = uplinks{far: far}
}

// set overwrites the link of row i, in arrays that are the writer's own.
func (u *uplinks) set(i int, link uint32) {
	if u.far == nil {
		if d, ok := u.distance(i, link); ok {
			u.near[i] = d
			return
		}
		u.widen()
	}
	u.far[i] = link
}

// own makes the arrays the writer's.
func (u *uplinks) own() {
	u.near, u.far = slices.Clone(u.near), slices.Clone(u.far)
}

// copy copies the links of the rows from lo on.
func (u *uplinks) copy(to []uint32, lo int) {
	if u.far != nil {
		copy(to, u.far[lo:])
		return
	}
	for len(to) > 0 {
		base := u.base[lo>>uplinkBits]
		n := min(len(to), uplinkBlock-lo&(uplinkBlock-1))
		for i, d := range u.near[lo : lo+n] {
			some := (uint32(d) + math.MaxUint16) >> 16 // 1 where there is a link, else 0
			to[i] = uint32(d) + base&-some
		}
		to, lo = to[n:], lo+n
	}
}

// gather copies the links of rows.
func (u *uplinks) gather(to []uint32, rows []uint32) {
	for i, row := range rows {
		to[i] = u.at(int(row))
	}
}

// follow replaces links to rows by those rows' links.
func (u *uplinks) follow(to []uint32, links []uint32) {
	for i, link := range links {
		if to[i] = 0; link != 0 {
			to[i] = u.at(int(link - 1))
		}
	}
}

// uplinksOf are the links of a list.
func uplinksOf(links []uint32) (u uplinks) {
	u.near = make([]uint16, 0, len(links))
	for _, link := range links {
		u.append(link)
	}
	return u
}

func (u *uplinks) bytes() int { return 2*cap(u.near) + 4*(cap(u.base)+cap(u.far)) }
