"""What each engine needs: how it is reached, how it is kept to reading, what its errors mean."""
