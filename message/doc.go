// Package message sends campaigns to groups of customers: on a schedule or when
// something happens, never twice, inside the hours and rules of the law, and with an
// answer to why each customer did or did not get it.
//
//	svc, err := message.New(message.Config{
//		Store:    &message.MemoryStore{},                                   // or messagesql.Open
//		Audience: groups,                                                   // segment's Service
//		Contacts: contacts,                                                 // the host's addresses and variables
//		Senders:  map[message.Channel]message.Sender{message.SMS: gateway}, // the host's adapters
//		Sender:   message.Identity{Name: "단골상점", Contact: "02-123-4567", OptOut: "무료수신거부 080-123-4567"},
//	})
//	_, err = svc.Save(ctx, message.Campaign{
//		ID: "first-purchase", Name: "신규 회원의 첫 구매 유도하기",
//		Groups:   []string{"new-without-order"},
//		Schedule: message.Schedule{Start: tomorrowAtTen, Unit: message.Days},
//		Contents: []message.Content{{Channel: message.SMS, Text: "{{.name}}님, 첫 구매 쿠폰을 드려요.",
//			Coupon: &message.CouponBlock{Definition: "welcome", Type: "10%", Name: "첫 구매 쿠폰"}}},
//	})
//	err = svc.Start(ctx, "first-purchase") // holds the group: nobody edits it while the campaign runs
//	err = svc.Run(ctx, logError)           // or Tick by Tick, in simulated time
//
// # How a message goes out
//
// A Campaign has a Schedule. Each nominal time becomes one line of the ledger, an
// Occurrence, before anything is sent. When it starts, the members of its groups are
// frozen as Recipients. Workers claim recipients under fenced leases, and the gate
// says of each: Send, Hold until, or Drop, and why. A submit is durable, as a
// Delivery, before the Sender is called, and the gate is asked again in the same
// transaction. So whatever dies whenever, a message whose fate nobody knows is on
// record as such, and goes out again only when the provider takes idempotency keys or
// can be asked. Every recipient ends in one state, and the audience is the sum of them.
//
// # The gate
//
// Advertising, which every campaign is unless it says otherwise, is checked against
// the country's Rules, a table of dated data: prior consent, quiet hours, channels
// that do not carry it; and the label, the sender and the free opt-out are added to
// the text. A country without rules is not a free country: its customers are dropped.
// The library says which rules it evaluated on which inputs (Recipient.Detail). It
// gives no legal advice.
//
// # What a host supplies
//
//   - Audience: groups; package segment satisfies it
//   - Contacts: addresses and template variables of customers
//   - Sender, one a channel, with Idempotent or Asker if the provider can; sendertest
//     checks it. FileSender, SMTPSender and WebhookSender are ready
//   - Coupons, if messages carry coupons
//   - Store: MemoryStore, or messagesql's
//
// Time is read from Config.Clock alone.
package message
