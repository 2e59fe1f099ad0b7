//go:build !unix

package message

import "os"

// lockFile does nothing where there are no advisory locks: one process at a time may
// use the file there.
func lockFile(*os.File) (unlock func(), err error) { return func() {}, nil }
