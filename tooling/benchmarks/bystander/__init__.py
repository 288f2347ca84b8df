"""What a bystander notices while somebody attacks the server: delays of its pongs and tokens, attack by attack."""
