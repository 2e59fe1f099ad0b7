package servers

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
)

// memory is a file system in memory. Servers make and drop a table there in a
// thirtieth of the time, and lose nothing: none of them outlives its process.
const memory = "/dev/shm"

// room is how many bytes have to be free in memory.
const room = 4 << 30

// place is where the folders of servers are: where TMPDIR says, in memory where there
// is room, else among the other temporary files.
var place = sync.OnceValue(func() string {
	var at syscall.Statfs_t
	if os.Getenv("TMPDIR") == "" && syscall.Statfs(memory, &at) == nil && at.Bavail*uint64(at.Bsize) >= room {
		return memory
	}
	return os.TempDir()
})

// prefix begins the name of a server's folder; the process that made it follows.
const prefix = "dangol"

// swept has removed what processes that were killed left.
var swept = sync.OnceFunc(func() {
	left, _ := filepath.Glob(filepath.Join(place(), prefix+"*-*"))
	for _, dir := range left {
		var pid int
		_, err := fmt.Sscanf(strings.TrimPrefix(filepath.Base(dir), prefix), "%d-", &pid)
		if err == nil && syscall.Kill(pid, 0) == syscall.ESRCH {
			os.RemoveAll(dir)
		}
	}
})

// folder is a temporary folder with a short path: unix sockets have little room.
func folder(t testing.TB) string {
	t.Helper()
	swept()
	dir, err := os.MkdirTemp(place(), fmt.Sprintf("%s%d-", prefix, os.Getpid()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}
