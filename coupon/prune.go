package coupon

import "context"

// pruneLimit is how many codes one transaction deletes.
const pruneLimit = 500

// Prune deletes codes of batches that ended longer ago than Config.Keep and that
// nobody ever claimed, reserved, used or revoked, in short transactions, and tells how
// many. Such a code is from then on ReasonUnknown instead of expired. Keep must be longer
// than orders that the host tells of late (Request.At). Without a Keep it does nothing.
//
// Nothing else is ever pruned: redemptions keep keys idempotent for ever, the ledger
// is what counters sum up and late limits are counted from, coupons of customers hold
// their issue keys. Partitions put old months of the ledger aside (couponsql.Ledger).
func (s *Service) Prune(ctx context.Context) (total int, err error) {
	if s.config.Keep == 0 {
		return 0, nil
	}
	before := s.now().Add(-s.config.Keep)
	for n := pruneLimit; n == pruneLimit; {
		err := s.update(ctx, func(tx Tx) (err error) {
			n, err = tx.DeleteCodes(ctx, before, pruneLimit)
			return err
		})
		if err != nil {
			return total, err
		}
		total += n
	}
	return total, nil
}
