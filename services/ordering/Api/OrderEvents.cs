using System.Globalization;
using System.Net.ServerSentEvents;
using System.Runtime.CompilerServices;
using System.Security.Claims;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Mvc;
using ShopMesh.Ordering.Data;
using ShopMesh.Ordering.Watching;

namespace ShopMesh.Ordering.Api;

/// <summary>An order's changes as they happen (server-sent events, WHATWG HTML 9.2).</summary>
internal static class OrderEvents
{
    public static void MapOrderEvents(this WebApplication app) => app.MapGet("/api/orders/{id}/events", Watch)
        .RequireAuthorization(Policies.Customer)
        .WithTags("Orders")
        .WithSummary("Follows an order: one event `status` per change, from the first; ends at a final state");

    private static async Task<Results<ServerSentEventsResult<StatusChange>, NotFound>> Watch(
        string id, ClaimsPrincipal user, OrderingContext context, OrderFeed feed, CancellationToken cancellationToken, [FromHeader(Name = "Last-Event-ID")] string? lastEventId = null)
    {
        if (await context.FindOrderAsync(id, user.CustomerId(), cancellationToken) is not { } order)
            return TypedResults.NotFound();
        // An id that this stream never gave out starts it anew.
        var after = int.TryParse(lastEventId, NumberStyles.None, CultureInfo.InvariantCulture, out var number) && number <= order.History.Count ? number : 0;
        return TypedResults.ServerSentEvents(EventsAsync(feed, order.Id, after, cancellationToken));
    }

    private static async IAsyncEnumerable<SseItem<StatusChange>> EventsAsync(OrderFeed feed, Guid orderId, int after, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        await foreach (var (number, change) in feed.WatchAsync(orderId, after, cancellationToken))
            yield return new(change, "status") { EventId = number.ToString(CultureInfo.InvariantCulture) };
    }
}
