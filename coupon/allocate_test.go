package coupon

import (
	"flag"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
)

var soak = flag.Bool("soak", false, "run the large sizes")

// fair fails unless the shares are what the promise says: their sum is the amount,
// none is below 0 or above its line, each is its exact proportion rounded down or
// up, and what is rounded up has no smaller remainder than what is rounded down.
func fair(amount int64, weights, shares []int64) bool {
	var sum, total int64
	for i := range weights {
		sum += weights[i]
		total += shares[i]
		if shares[i] < 0 || shares[i] > weights[i] {
			return false
		}
	}
	if total != amount {
		return false
	}
	if sum == 0 {
		return true
	}
	smallestUp, largestDown := sum, int64(-1)
	for i := range weights {
		floor, rest := amount*weights[i]/sum, amount*weights[i]%sum
		switch shares[i] {
		case floor:
			largestDown = max(largestDown, rest)
		case floor + 1:
			smallestUp = min(smallestUp, rest)
		default:
			return false
		}
	}
	return smallestUp >= largestDown
}

func TestAllocateEverySmallCart(t *testing.T) {
	const most = 9
	carts := 0
	var weights, shares [4]int64
	for n := 1; n <= 4; n++ {
		var fill func(i int)
		fill = func(i int) {
			if i < n {
				for w := range int64(most + 1) {
					weights[i] = w
					fill(i + 1)
				}
				return
			}
			var sum int64
			for _, w := range weights[:n] {
				sum += w
			}
			for amount := range sum + 1 {
				allocate(amount, weights[:n], shares[:n])
				if !fair(amount, weights[:n], shares[:n]) {
					t.Fatalf("%d over %v gives %v", amount, weights[:n], shares[:n])
				}
				carts++
			}
		}
		fill(0)
	}
	require.Greater(t, carts, 190_000)
}

func TestAllocateRandomCarts(t *testing.T) {
	carts := 20_000
	if *soak {
		carts = 1_000_000
	}
	random := rand.New(rand.NewPCG(7, 11))
	for range carts {
		weights := make([]int64, 1+random.IntN(40))
		var sum int64
		for i := range weights {
			if random.IntN(5) > 0 {
				weights[i] = random.Int64N(1 << (1 + random.IntN(24)))
			}
			sum += weights[i]
		}
		amount := random.Int64N(sum + 1)
		shares := make([]int64, len(weights))
		allocate(amount, weights, shares)
		require.True(t, fair(amount, weights, shares), "%d over %v gives %v", amount, weights, shares)
	}
}

func TestAllocateHugeCart(t *testing.T) {
	weights := []int64{maxMoney, maxMoney - 1, 1}
	shares := make([]int64, 3)
	for _, amount := range []int64{0, 1, maxMoney, 2*maxMoney - 1, 2 * maxMoney} {
		allocate(amount, weights, shares)
		require.Equal(t, amount, shares[0]+shares[1]+shares[2])
		for i := range shares {
			require.LessOrEqual(t, shares[i], weights[i])
		}
	}
}

func TestPartsOfAShareAddUp(t *testing.T) {
	for share := range int64(40) {
		for q := int64(1); q <= 7; q++ {
			last := int64(0)
			for n := range q + 1 {
				part := partOf(share, n, q)
				require.GreaterOrEqual(t, part, last)
				last = part
			}
			require.Equal(t, share, last)
		}
	}
	require.Equal(t, int64(maxMoney), partOf(maxMoney, maxMoney, maxMoney))
	require.Equal(t, int64(123), rateOf(1234, 1000))
}

// However a line's pieces come back, what is given back is what was paid, and never
// more at any moment.
func TestRefundsAddUp(t *testing.T) {
	for q := int64(1); q <= 5; q++ {
		for paid := range int64(12) {
			for discount := range int64(12) {
				r := Redemption{Lines: []PaidLine{{Line: "1", Quantity: q, Before: paid + discount, Discount: discount}}}
				for steps := range int64(1) << (q - 1) { // every way to cut q pieces into steps
					var back, off, done, step int64
					for i := range q {
						step++
						if i == q-1 || steps>>i&1 == 1 {
							f, err := r.Refund("1", done, step)
							require.NoError(t, err)
							require.GreaterOrEqual(t, f.Paid, int64(0))
							require.GreaterOrEqual(t, f.Discount, int64(0))
							back, off, done, step = back+f.Paid, off+f.Discount, done+step, 0
							require.LessOrEqual(t, back*q, paid*done+q, "never more than the pieces' part")
						}
					}
					require.Equal(t, paid, back)
					require.Equal(t, discount, off)
				}
			}
		}
	}
	r := Redemption{Lines: []PaidLine{{Line: "1", Quantity: 2, Before: 10}}}
	for _, bad := range [][2]int64{{0, 3}, {2, 1}, {-1, 1}, {0, -1}, {3, 0}} {
		_, err := r.Refund("1", bad[0], bad[1])
		require.ErrorIs(t, err, ErrRequest)
	}
	_, err := r.Refund("2", 0, 1)
	require.ErrorIs(t, err, ErrRequest)
}
