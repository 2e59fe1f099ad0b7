// Package sample draws the same stable part of all customers in every engine and
// service: the rule language's sample(10%, "spring"), and a campaign's holdout and
// A/B split.
//
// A customer has one bucket, the same forever. A key permutes the buckets, so that
// the tenth drawn under one key says nothing about the tenth drawn under another:
//
//	bucket = the first 31 bits of SHA-256(customer id), mod P
//	in     = (a*bucket + b) mod P < threshold
//
// It needs one multiplication, one addition and one remainder of 64-bit integers,
// which every SQL dialect has: a*bucket + b stays below 2^62. Functions are pure and
// safe for concurrent use.
package sample

import (
	"crypto/sha256"
	"encoding/binary"
	"math/bits"
)

// P is the prime 2^31-1. Buckets, b and positions lie in [0, P).
const P = 1<<31 - 1

// Bucket is the customer's bucket, in [0, P). Stores keep it beside the customer.
func Bucket(id string) uint32 {
	sum := sha256.Sum256([]byte(id))
	return (binary.BigEndian.Uint32(sum[:4]) >> 1) % P
}

// Key gives the coefficients of a key: a in [1, P) and b in [0, P).
func Key(key string) (a, b uint64) {
	sum := sha256.Sum256([]byte(key))
	a = binary.BigEndian.Uint64(sum[:8])%(P-1) + 1
	b = binary.BigEndian.Uint64(sum[8:16]) % P
	return a, b
}

// At is the bucket's position under the coefficients of a key, in [0, P).
func At(bucket uint32, a, b uint64) uint64 {
	return (a*uint64(bucket) + b) % P
}

// In tells whether the bucket is drawn under the coefficients of a key.
func In(bucket uint32, a, b, threshold uint64) bool {
	return At(bucket, a, b) < threshold
}

// Threshold is floor(num/den * P): the positions below it are the part num/den of
// all. A part of at least the whole is P, and a den of 0 is no part.
func Threshold(num, den uint64) uint64 {
	if den == 0 {
		return 0
	}
	if num >= den {
		return P
	}
	hi, lo := bits.Mul64(num, P)
	q, _ := bits.Div64(hi, lo, den)
	return q
}
