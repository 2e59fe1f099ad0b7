package message_test

import (
	"testing"

	"github.com/dangol-dev/dangol/message"
	"github.com/dangol-dev/dangol/message/messagetest"
)

func TestMemoryStore(t *testing.T) {
	messagetest.Run(t, func(*testing.T) message.Store { return &message.MemoryStore{} })
}
