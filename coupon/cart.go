package coupon

import (
	"fmt"

	"github.com/dangol-dev/dangol"
)

// Cart is what the customer is about to pay for. Amounts are in minor units of
// Currency; at most 10^15 together.
type Cart struct {
	Currency dangol.Currency
	Store    string // empty: none, as in a shop with one
	Channel  string // the sales channel, in the host's words
	Lines    []Line

	Shipping         int64 // the fee before discounts
	ShippingDiscount int64 // what was already taken off the fee
}

// Line is one product in a cart.
type Line struct {
	ID         string // unique in the cart
	Product    string
	Categories []string
	Quantity   int64 // at least 1
	Price      int64 // of one piece
	Discount   int64 // what was already taken off the whole line
	// NoCoupons keeps coupons and promotions off the line (gift cards). It counts
	// for no minimum either.
	NoCoupons bool
}

// ShippingLine is the line ID of the shipping fee in shares.
const ShippingLine = "shipping"

// bases are what is still to pay before coupons: each line, then the shipping fee
// as one more.
func (c Cart) bases() ([]int64, error) {
	bad := func(format string, args ...any) ([]int64, error) {
		return nil, fmt.Errorf("%w: %s", ErrCart, fmt.Sprintf(format, args...))
	}
	if _, ok := c.Currency.Digits(); !ok {
		return bad("currency %q is not in ISO 4217", c.Currency)
	}
	out := make([]int64, len(c.Lines)+1)
	var total int64
	for i, l := range c.Lines {
		if l.ID == "" || l.ID == ShippingLine {
			return bad("line %d needs an ID other than %q", i+1, ShippingLine)
		}
		for _, earlier := range c.Lines[:i] {
			if earlier.ID == l.ID {
				return bad("two lines have the ID %q", l.ID)
			}
		}
		if l.Quantity < 1 || l.Quantity > maxMoney || l.Price < 0 || l.Price > maxMoney/l.Quantity {
			return bad("line %q: quantity or price is out of range", l.ID)
		}
		if l.Discount < 0 || l.Discount > l.Price*l.Quantity {
			return bad("line %q: discount must be between 0 and the line's price", l.ID)
		}
		out[i] = l.Price*l.Quantity - l.Discount
		if total += l.Price * l.Quantity; total > maxMoney {
			return bad("the total is out of range")
		}
	}
	if c.Shipping < 0 || c.Shipping > maxMoney-total || c.ShippingDiscount < 0 || c.ShippingDiscount > c.Shipping {
		return bad("shipping is out of range")
	}
	out[len(c.Lines)] = c.Shipping - c.ShippingDiscount
	return out, nil
}

// Share is the part of a discount that falls on one line.
type Share struct {
	Line   string // a line's ID, or ShippingLine
	Amount int64  // more than 0
}
