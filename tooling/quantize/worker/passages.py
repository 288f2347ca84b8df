"""Eight short texts that no calibration uses: how surprised a model is by them, before and after, tells what it lost.

Written for this. Spoken English in several moods, because that is what chat models here are for.
"""

PASSAGES = (
    "I used to walk to the harbour every morning before work. The boats came in around six, and the men would stand "
    "on the quay with their cups of coffee and argue about the weather. Nobody ever agreed, and nobody ever minded. "
    "When the wind turned to the north they all went home, and I had the whole place to myself.",
    "To make the soup, cut two onions and let them soften in a little butter. Add a spoon of flour, stir, and pour in "
    "a litre of warm stock. Let it simmer for twenty minutes. Before you serve it, put a slice of toasted bread into "
    "every bowl and cover it with grated cheese.",
    "Could you tell me how to get to the central station? Of course. Go straight on until you see the church, then "
    "turn left. After the second traffic light there is a small park on your right. Cross it, and you will see the "
    "station in front of you. It takes about ten minutes on foot.",
    "A lighthouse does not move, and that is the point of it. Ships know where it stands and how often its lamp turns. "
    "From the colour of the light and the seconds between two flashes a captain can tell which lighthouse it is, and "
    "so where the rocks are, even if he has never been there before.",
    "She opened the letter, read it twice and put it back into the envelope. Then she laughed. Her brother had written "
    "four pages about his garden, and only in the last line had he mentioned that he was going to be married in "
    "spring. It was so much like him that she could not be angry.",
    "The meeting has been moved to Thursday at three o'clock. Please bring the figures of the last quarter, and a list "
    "of everything that is still open. If you cannot come, send somebody who can decide. We should be done within an "
    "hour, and there will be cake, because it is Martin's birthday.",
    "When water freezes it grows, which is unusual: most things become smaller as they get colder. That is why ice "
    "floats, why pipes burst in winter, and why a lake freezes from the top. The fish below are glad of it, since the "
    "ice keeps the water under it from freezing too.",
    "Do not worry about the test tomorrow. You have read the whole book, you have made your notes, and you explained "
    "the difficult chapter to me so well that even I understood it. Have something to eat, go to bed early, and leave "
    "the telephone in another room. Everything else will take care of itself.",
)

__all__ = ["PASSAGES"]
