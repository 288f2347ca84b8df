"""From messages to token ids: the model's own chat template, control tokens neutralised, counted and cut exactly.

`loading.load_chat_text` reads a model's tokenizer and gives a `chat.ChatText`, shared by all sessions; each renders
its prompts through a `conversation.Conversation` of its own. The rest are parts.
"""
