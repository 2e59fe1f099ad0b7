package coupon

import (
	"context"
	"time"
)

// Lapse gives back all reservations whose time is over, and tells how many. Limits
// are exact without it, since a full limit looks for such reservations itself;
// calling it every few minutes keeps wallets and results fresh.
func (s *Service) Lapse(ctx context.Context) (int, error) {
	now := s.now()
	total := 0
	for {
		n := 0
		err := s.update(ctx, func(tx Tx) (err error) {
			n, err = s.lapse(ctx, tx, "", now)
			return err
		})
		if total += n; err != nil || n == 0 {
			return total, err
		}
	}
}

const lapsePage = 100

func (s *Service) lapse(ctx context.Context, tx Tx, definition string, now time.Time) (int, error) {
	keys, err := tx.Overdue(ctx, definition, now, lapsePage)
	if err != nil {
		return 0, err
	}
	n := 0
	for _, key := range keys {
		r, err := tx.Redemption(ctx, key)
		if err != nil {
			return n, err
		}
		if r.State != StateReserved || r.Expires.After(now) {
			continue // somebody was faster
		}
		if _, err := s.end(ctx, tx, r, StateLapsed, EventLapse, now); err != nil {
			return n, err
		}
		n++
	}
	return n, nil
}

// lapseOf gives back what is past its time of some definitions.
func (s *Service) lapseOf(ctx context.Context, tx Tx, definitions []string, now time.Time) (total int, err error) {
	for _, id := range definitions {
		n, err := s.lapse(ctx, tx, id, now)
		if total += n; err != nil {
			return total, err
		}
	}
	return total, nil
}
