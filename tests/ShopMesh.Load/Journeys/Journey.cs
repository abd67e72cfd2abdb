namespace ShopMesh.Load.Journeys;

/// <summary>A visit: requests that follow each other.</summary>
/// <param name="Requests">How many requests it makes.</param>
/// <param name="NeedsCustomer">Whether it is a signed-in customer's, who has no other visit meanwhile.</param>
/// <param name="RunAsync">Ends with a <see cref="RequestFailedException"/> at the first request that fails; the client has recorded it.</param>
internal sealed record Journey(string Name, int Requests, bool NeedsCustomer, Func<Visit, Task> RunAsync)
{
    public static Journey Browse { get; } = new("browse", 3, NeedsCustomer: false, Browsing.RunAsync);

    public static Journey Basket { get; } = new("basket", 3, NeedsCustomer: true, FillingABasket.RunAsync);

    public static Journey Order { get; } = new("order", 4, NeedsCustomer: true, Ordering.RunAsync);
}
