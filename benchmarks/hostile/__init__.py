"""`make hostile`: hostile inputs, each with what is right; and a fuzzer for what comes in."""
