namespace ShopMesh.Bench.Measuring;

/// <summary>A B C A B C …: what changes on the machine meanwhile meets all of them, and a ratio within a round holds.</summary>
internal static class Rounds
{
    /// <summary>Measures each once per round, in the same order; results of the warm-up are dropped.</summary>
    public static async Task<IReadOnlyDictionary<TSubject, IReadOnlyList<TResult>>> InterleaveAsync<TSubject, TResult>(
        IReadOnlyList<TSubject> subjects, int warmUps, int rounds, Func<TSubject, int, Task<TResult>> measure) where TSubject : notnull
    {
        var results = subjects.ToDictionary(subject => subject, _ => new List<TResult>());
        for (var round = 1 - warmUps; round <= rounds; round++)
        {
            foreach (var subject in subjects)
            {
                var result = await measure(subject, round);
                if (round > 0)
                    results[subject].Add(result);
            }
        }

        return results.ToDictionary(pair => pair.Key, IReadOnlyList<TResult> (pair) => pair.Value);
    }
}
