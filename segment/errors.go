package segment

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/dangol-dev/dangol"
)

// The sentinels. Errors of this package wrap one of them where that helps a
// caller to decide; the structs below carry the details.
var (
	// ErrNotFound is returned when no group has the id, or it was deleted and the
	// call needs a live one.
	ErrNotFound = errors.New("segment: no such group")
	// ErrExists is returned when a new group's id was used before, or its name is
	// another live group's.
	ErrExists = errors.New("segment: a group of that id or name exists")
	// ErrLimit is returned when the shop has as many groups as Config.Limit allows.
	ErrLimit = errors.New("segment: the limit of groups is reached")
	// ErrHeld is returned, as a *HeldError, when uses of a group refuse a change.
	ErrHeld = errors.New("segment: the group is in use")
	// ErrBroken is returned, as a *BrokenError, by whatever would need the members
	// of a broken group. It never reads as "nobody".
	ErrBroken = errors.New("segment: the group is broken")
	// ErrCycle is returned, as a *CycleError, when a rule would make a group read itself.
	ErrCycle = errors.New("segment: the groups would read each other in a circle")
	// ErrArchived is returned when an archived group is asked for what only a live
	// one does.
	ErrArchived = errors.New("segment: the group is archived")
	// ErrFixed is returned when an edit would change what is fixed once saved: the
	// id, the kind or the scope.
	ErrFixed = errors.New("segment: fixed once saved")
	// ErrReferenced is returned when a group is renamed that rules read by its name.
	ErrReferenced = errors.New("segment: rules read the group by this name")
	// ErrConflict is returned when others kept changing a group while a call
	// prepared its own change. Nothing was done; the call may be repeated.
	ErrConflict = errors.New("segment: the group kept changing")
	// ErrNotAllowed is returned when the Authorizer refuses.
	ErrNotAllowed = errors.New("segment: not allowed")
	// ErrReason is returned when an action that must be accounted for has no reason.
	ErrReason = errors.New("segment: a reason is needed")
	// ErrInvalid is returned when a definition or an argument makes no sense.
	ErrInvalid = errors.New("segment: invalid")
	// ErrNoHistory is returned when a past day is asked for on which the group did
	// not exist yet, or whose history is beyond Config.Keep.
	ErrNoHistory = errors.New("segment: no history of that day")
	// ErrPurpose is returned when a group of this kind may not serve a purpose.
	ErrPurpose = errors.New("segment: this kind of group may not serve that purpose")
	// ErrUnconfirmed is returned when an act that cannot be undone was not confirmed.
	ErrUnconfirmed = errors.New("segment: this cannot be undone and needs a confirmation")
)

// HeldError tells which uses refuse a change. It is ErrHeld.
type HeldError struct {
	Group string // the group's name
	What  string // the act that was refused: "edited", "archived", "deleted"
	Uses  []dangol.Use
}

func (e *HeldError) Error() string {
	names := make([]string, len(e.Uses))
	for i, u := range e.Uses {
		names[i] = fmt.Sprintf("%s %q", u.By, u.Name)
	}
	return fmt.Sprintf("segment: group %q cannot be %s while it is used by %s",
		e.Group, e.What, strings.Join(names, ", "))
}

// Is makes errors.Is(err, ErrHeld) hold.
func (e *HeldError) Is(target error) bool { return target == ErrHeld }

// BrokenError tells why a group is broken. It is ErrBroken.
type BrokenError struct {
	Path []string // names of groups, from the one asked for to the one at fault
	Why  string   // what is wrong with the last of them
}

func (e *BrokenError) Error() string {
	return fmt.Sprintf("segment: group %q is broken: %s: %s", e.Path[0], strings.Join(e.Path, " reads "), e.Why)
}

// Is makes errors.Is(err, ErrBroken) hold.
func (e *BrokenError) Is(target error) bool { return target == ErrBroken }

// CycleError tells the circle: the first name is also the last. It is ErrCycle.
type CycleError struct{ Path []string }

func (e *CycleError) Error() string {
	return "segment: groups would read each other in a circle: " + strings.Join(e.Path, " reads ")
}

// Is makes errors.Is(err, ErrCycle) hold.
func (e *CycleError) Is(target error) bool { return target == ErrCycle }

// LeaseError is what a refresh reports for a group that another process is
// refreshing, or took over meanwhile. Nothing of this refresh was applied to it.
type LeaseError struct {
	Owner string
	Until time.Time
}

func (e *LeaseError) Error() string {
	return fmt.Sprintf("segment: %q refreshes the group until %s at the latest", e.Owner, e.Until.Format(time.RFC3339))
}

func invalid(format string, args ...any) error {
	return fmt.Errorf("%w: "+format, append([]any{ErrInvalid}, args...)...)
}
