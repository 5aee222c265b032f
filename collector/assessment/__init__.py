"""From facts to verdicts, findings and the two numbers of a customer: score and coverage."""
