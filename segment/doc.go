// Package segment keeps groups of customers: their definitions, who is in them,
// who was, and what uses them.
//
// A group is dynamic (a rule selects its members and a schedule refreshes them),
// static (people list its members) or a snapshot (a rule selected its members
// once). Customers may be pinned in or out of any of them, with a reason:
//
//	members = (rule or list) + pinned in - pinned out
//
// A host makes one Service of its customer data and a state, and calls RefreshDue
// from its own scheduler:
//
//	groups, err := segment.New(segment.Config{Data: data, State: state, Zone: seoul})
//	...
//	_, err = groups.Create(ctx, segment.Definition{
//		ID: "new", Name: "new without an order",
//		Rule: "joined within 7d and not orders(7d) >= 1",
//	})
//	...
//	done, err := groups.RefreshDue(ctx) // who entered and left since yesterday
//
// # What is promised
//
//   - Members are versions. A refresh writes who entered and left and moves on to
//     the next version in one transaction: readers see one version or the other,
//     and a dangol.Snapshot stays readable while the group goes on.
//   - Each change of members is applied once, whichever process made it and
//     wherever it was killed. An edit during a refresh wins.
//   - History is never rewritten: MembersAt answers as the shop knew it then, and
//     Events reads it forward as an outbox.
//   - A group that cannot be refreshed keeps its last good members, marked. A group
//     that is broken, because its rule or something it reads cannot be understood any
//     more, has no members to speak of: every use of it is an error that tells the path.
//   - A use that was granted by Hold refuses edits (sends) and deletion (all uses)
//     until Release, however the calls interleave.
//
// The state behind a Service is a Store: NewMemory here, tables in package
// segmentsql. Service satisfies the audiences that packages coupon and message ask
// for.
package segment
