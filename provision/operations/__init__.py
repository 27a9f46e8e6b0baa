"""Operations that pyinfra lacks, each a pure function from what is there and what is wanted to commands."""
