namespace ShopMesh.Load;

/// <summary>A load on its way, as of its last whole second.</summary>
/// <param name="All">Null before the first second is over.</param>
/// <param name="Failures">From the beginning, the most frequent first.</param>
public sealed record LoadProgress(TimeSpan Elapsed, Second? All, IReadOnlyList<JourneyProgress> Journeys, IReadOnlyList<FailureGroup> Failures);

/// <param name="Requests">From the beginning.</param>
/// <param name="Failed">From the beginning.</param>
public sealed record JourneyProgress(string Journey, Second Last, long Requests, long Failed);
