package wire

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestAnEncoderKeepsTheMemoryOfALargeMessageForAWhile(t *testing.T) {
	var e Encoder
	encode := func(n int) {
		e.Reset()
		e.Bin(make([]byte, n))
		require.GreaterOrEqual(t, len(e.Bytes()), n)
	}
	for range 3 {
		encode(30000)
		for range encoderTimes - 1 {
			encode(30)
			require.GreaterOrEqual(t, cap(e.buf), 30000)
		}
	}
	for range encoderTimes {
		encode(30)
	}
	require.LessOrEqual(t, cap(e.buf), SlackKeep)
}
