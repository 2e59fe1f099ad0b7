package segment

import (
	"fmt"
	"slices"
)

// Purpose is what a group may be used for in a shop: Adobe's eight.
type Purpose string

// The purposes. Cart price rules take both; related products and dynamic blocks
// take dynamic groups alone, since only those follow a customer who is shopping;
// the others take static and frozen groups alone, since prices and rights must not
// change under a customer's hands.
const (
	CartPriceRule      Purpose = "cart price rule"
	RelatedProducts    Purpose = "related products"
	DynamicBlock       Purpose = "dynamic block"
	CatalogPriceRule   Purpose = "catalog price rule"
	TierPrice          Purpose = "tier price"
	RewardRate         Purpose = "reward rate"
	CategoryPermission Purpose = "category permission"
	Invitation         Purpose = "invitation"
)

var (
	segmentPurposes = []Purpose{CartPriceRule, DynamicBlock, RelatedProducts}
	groupPurposes   = []Purpose{CartPriceRule, CatalogPriceRule, CategoryPermission, Invitation, RewardRate, TierPrice}
)

func allowedPurposes(k Kind) []Purpose {
	if k == Dynamic {
		return slices.Clone(segmentPurposes)
	}
	return slices.Clone(groupPurposes)
}

// allowedTo returns an error unless groups of the kind may serve the purpose.
func (p Purpose) allowedTo(k Kind) error {
	switch {
	case slices.Contains(allowedPurposes(k), p):
		return nil
	case slices.Contains(segmentPurposes, p) || slices.Contains(groupPurposes, p):
		return fmt.Errorf("%w: a %s group cannot serve %q", ErrPurpose, k, p)
	}
	return invalid("no purpose is called %q", p)
}

// priced purposes give a price, so they follow the group's pricing flag.
func (p Purpose) priced() bool { return p == CatalogPriceRule || p == TierPrice }
