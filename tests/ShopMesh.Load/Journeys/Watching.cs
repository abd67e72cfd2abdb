namespace ShopMesh.Load.Journeys;

internal static class Watching
{
    public static async Task RunAsync(Visit visit)
    {
        var (order, statuses) = await WatchAsync(visit);
        var read = await visit.GetAsync("order: read", $"/api/orders/{order.Id}", AnswerJson.Default.Order);
        Ordering.CheckUnchanged(order, read);
        read.Check(read.Body.Status == statuses[^1], $"the events end with {statuses[^1]}, and the order is {read.Body.Status}");
        read.Check(read.Body.History.Select(change => change.Status).SequenceEqual(statuses), $"the events told {string.Join(", ", statuses)}, the history {string.Join(", ", read.Body.History.Select(change => change.Status))}");
        read.Check(read.Body.Reason is null or "out_of_stock", $"a good order was rejected: {read.Body.Reason}");
    }

    public static Task ConfirmAsync(Visit visit) => WatchAsync(visit, OrderStatus.Confirmed);

    private static async Task<(Order Order, IReadOnlyList<string> Statuses)> WatchAsync(Visit visit, string? until = null)
    {
        var order = await Ordering.PlaceOneAsync(visit);
        // It may take its time, and the customer has nothing more to do with the basket.
        visit.LetCustomerGo();
        return (order, await visit.WatchAsync("order: watch", order.Id, until));
    }
}
