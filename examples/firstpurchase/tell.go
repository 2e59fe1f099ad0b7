package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/dangol-dev/dangol"
	"github.com/dangol-dev/dangol/coupon"
	"github.com/dangol-dev/dangol/dsl/catalog"
	"github.com/dangol-dev/dangol/eval"
	"github.com/dangol-dev/dangol/eval/compile"
	"github.com/dangol-dev/dangol/message"
	"github.com/dangol-dev/dangol/segment"
)

// tell prints the story from what is durable, so that a second run prints the same.
func (s *shop) tell(ctx context.Context, out io.Writer) error {
	w := bufio.NewWriter(out)
	if err := s.tellRule(w); err != nil {
		return err
	}
	for day := 1; day <= days; day++ {
		fmt.Fprintf(w, "\n── %s ──\n", clock(day, 0, 0).Format("Mon 2 January 2006"))
		for _, part := range []func(context.Context, io.Writer, int) error{s.tellMembers, s.tellMessages, s.tellOrder} {
			if err := part(ctx, w, day); err != nil {
				return err
			}
		}
	}
	if err := s.tellRefusals(ctx, w); err != nil {
		return err
	}
	if err := s.tellTable(ctx, w); err != nil {
		return err
	}
	return w.Flush()
}

func (s *shop) tellRule(w io.Writer) error {
	rules, err := compile.New(catalog.Shop())
	if err != nil {
		return err
	}
	p, ds := rules.Text(rule, compile.Options{})
	if ds.HasErrors() {
		return ds
	}
	fmt.Fprintf(w, "The rule      %s\n", rule)
	fmt.Fprintf(w, "reads         %s\n", eval.Sentence(p, eval.English))
	fmt.Fprintf(w, "              %s\n", eval.Sentence(p, eval.Korean))
	return nil
}

// tellMembers prints a midnight's members and who came and went.
func (s *shop) tellMembers(ctx context.Context, w io.Writer, day int) error {
	midnight := clock(day, 0, 0)
	history, err := s.groups.History(ctx, group, 0, 100)
	if err != nil {
		return err
	}
	for _, v := range history {
		if !v.AsOf.Equal(midnight) || v.Cause != "refresh" {
			continue
		}
		fmt.Fprintf(w, "00:00  the group has %d members: %d entered, %d left\n", v.Count, v.Entered, v.Left)
		snap := dangol.Snapshot{Group: group, Version: v.Version, AsOf: v.AsOf, Count: v.Count}
		members, err := s.groups.Members(ctx, snap, "", 1000)
		if err != nil {
			return err
		}
		fmt.Fprintf(w, "         members  %s\n", ids(members))
		entered, left, err := s.turns(ctx, v.Version)
		if err != nil {
			return err
		}
		fmt.Fprintf(w, "         entered  %s\n         left     %s\n", ids(entered), ids(left))
	}
	return nil
}

// turns are who entered and left with a version of the group.
func (s *shop) turns(ctx context.Context, version int64) (entered, left []dangol.CustomerID, err error) {
	var after segment.Cursor
	for {
		events, err := s.groups.Events(ctx, after, 100)
		if err != nil || len(events) == 0 {
			return entered, left, err
		}
		for _, e := range events {
			after = e.Cursor
			switch {
			case e.Version != version:
			case e.Entered:
				entered = append(entered, e.Customer)
			default:
				left = append(left, e.Customer)
			}
		}
	}
}

func ids(list []dangol.CustomerID) string {
	if len(list) == 0 {
		return "nobody"
	}
	out := make([]string, len(list))
	for i, id := range list {
		out[i] = string(id)
	}
	return strings.Join(out, " ")
}

// tellMessages prints what the campaign did on a day, and one message whole.
func (s *shop) tellMessages(ctx context.Context, w io.Writer, day int) error {
	occurrences, err := s.messages.Occurrences(ctx, campaign)
	if err != nil {
		return err
	}
	for _, o := range occurrences {
		if !o.At.Equal(clock(day, 10, 0)) {
			continue
		}
		counts, why := map[message.RecipientState]int{}, map[string]int{}
		err := s.messages.Recipients(ctx, campaign, o.ID, func(r message.Recipient) error {
			counts[r.State]++
			if r.State == message.Dropped {
				why[r.Reason]++
			}
			return nil
		})
		if err != nil {
			return err
		}
		fmt.Fprintf(w, "10:00  the campaign: audience %d, sent %d, not sent %d%s\n", o.Audience, counts[message.Submitted], o.Audience-counts[message.Submitted], reasons(why))
	}
	reached, err := s.reached(ctx, day)
	if err != nil {
		return err
	}
	sent, err := s.sent()
	if err != nil {
		return err
	}
	for i, r := range reached {
		line := sent[string(r.Customer)]
		fmt.Fprintf(w, "         to %s  coupon %s until %s\n", r.Customer, line.Coupon.Code, s.until(ctx, r.Customer))
		if i == 0 {
			for text := range strings.Lines(line.Text) {
				fmt.Fprintf(w, "           │ %s\n", strings.TrimRight(text, "\n"))
			}
			fmt.Fprintf(w, "           │ [%s %s] %s\n", line.Coupon.Type, line.Coupon.Name, line.Coupon.URL)
		}
	}
	return nil
}

func reasons(why map[string]int) string {
	if len(why) == 0 {
		return ""
	}
	var parts []string
	for _, reason := range slices.Sorted(maps.Keys(why)) {
		parts = append(parts, fmt.Sprintf("%d %s", why[reason], reason))
	}
	return " (" + strings.Join(parts, ", ") + ")"
}

// until is when a customer's coupon ends.
func (s *shop) until(ctx context.Context, id dangol.CustomerID) string {
	wallet, err := s.coupons.Wallet(ctx, id)
	if err != nil || len(wallet) == 0 {
		return "?"
	}
	return wallet[0].Expires.In(seoul).Format("2 January 15:04")
}

// sent is what the file sender took, by customer.
func (s *shop) sent() (map[string]message.FileLine, error) {
	text, err := os.ReadFile(s.outbox)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	out := map[string]message.FileLine{}
	for line := range bytes.Lines(text) {
		var m message.FileLine
		if err := json.Unmarshal(line, &m); err != nil {
			return nil, fmt.Errorf("%s: %w", s.outbox, err)
		}
		out[m.Customer] = m
	}
	return out, nil
}

// tellOrder prints the order that used a coupon, line by line.
func (s *shop) tellOrder(ctx context.Context, w io.Writer, day int) error {
	r, err := s.coupons.Redemption(ctx, orderKey(day))
	if errors.Is(err, coupon.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	fmt.Fprintf(w, "14:00  %s orders with the coupon: %s off, pays %s\n", r.Customer, won(r.Discount), won(paid(r)))
	products := map[string]string{coupon.ShippingLine: "배송비"}
	for _, line := range cart(day).Lines {
		products[line.ID] = line.Product
	}
	for _, line := range r.Lines {
		fmt.Fprintf(w, "         %s  %s − %s = %s\n", products[line.Line], won(line.Before), won(line.Discount), won(line.After()))
	}
	return nil
}

func paid(r coupon.Redemption) (sum int64) {
	for _, l := range r.Lines {
		sum += l.After()
	}
	return sum
}

func won(minor int64) string { return dangol.Money{Minor: minor, Currency: dangol.KRW}.String() }

// tellRefusals prints what the library does not let happen.
func (s *shop) tellRefusals(ctx context.Context, w io.Writer) error {
	id, ok, err := s.buyer(ctx, 1)
	if err != nil || !ok {
		return err
	}
	wallet, err := s.coupons.Wallet(ctx, id)
	if err != nil {
		return err
	}
	quote, err := s.coupons.Quote(ctx, coupon.Request{Customer: id, Cart: cart(1), Codes: []string{wallet[0].Code}})
	if err != nil {
		return err
	}
	fmt.Fprintf(w, "\nRefused: the coupon of %s a second time: %v\n", id, quote.Decisions[0].Reasons)
	why, err := s.messages.Why(ctx, campaign, id)
	if err != nil {
		return err
	}
	var note string
	if err := s.db.QueryRowContext(ctx, "SELECT note FROM story WHERE step = ?", editStep).Scan(&note); err != nil {
		return err
	}
	fmt.Fprintf(w, "Refused: an edit of the group while the campaign runs: %s\n", note)
	fmt.Fprintf(w, "Refused: the message to %s a second time: it was in the audience %d time(s), sent once\n", id, len(why))
	return nil
}

// tellTable is the closing table.
func (s *shop) tellTable(ctx context.Context, w io.Writer) error {
	results, err := s.messages.Results(ctx, campaign)
	if err != nil {
		return err
	}
	var redeemed, discount, revenue int64
	for day := 1; day <= days; day++ {
		r, err := s.coupons.Redemption(ctx, orderKey(day))
		if errors.Is(err, coupon.ErrNotFound) {
			continue
		}
		if err != nil {
			return err
		}
		redeemed, discount, revenue = redeemed+1, discount+r.Discount, revenue+paid(r)
	}
	fmt.Fprintf(w, "\n%-10s %-6s %-10s %-14s %s\n", "audience", "sent", "redeemed", "discount", "revenue")
	fmt.Fprintf(w, "%-10d %-6d %-10d %-14s %s\n", results.Audience, results.Outcomes[message.Submitted], redeemed, won(discount), won(revenue))
	return nil
}
