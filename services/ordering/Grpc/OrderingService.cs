using System.ComponentModel.DataAnnotations;
using Google.Protobuf.WellKnownTypes;
using Grpc.Core;
using Microsoft.AspNetCore.Authorization;
using Microsoft.EntityFrameworkCore;
using ShopMesh.Ordering.Api;
using ShopMesh.Ordering.Data;
using ShopMesh.Ordering.Placing;
using ShopMesh.Ordering.V1;
using ShopMesh.Ordering.Watching;

namespace ShopMesh.Ordering.Grpc;

/// <summary>The same as the JSON API, for callers inside the mesh: a person's token, or a service's that names the customer.</summary>
[Authorize(Policies.CustomerOrMesh)]
internal sealed class OrderingService(OrderingContext context, PlaceOrder placeOrder, OrderFeed feed) : V1.Ordering.OrderingBase
{
    private const string Scope = "ordering";

    public override async Task<V1.Order> PlaceOrder(PlaceOrderRequest request, ServerCallContext call)
    {
        var placement = await placeOrder.PlaceAsync(CustomerOf(request.CustomerId, call), KeyOf(request), ToOrderRequest(request), call.CancellationToken);
        return placement switch
        {
            Placement.Placed placed => await FindAsync(placed.Receipt.Id, request.CustomerId, call),
            Placement.KeyReused => throw Refuse(StatusCode.AlreadyExists, "The idempotency key was used for another request."),
            Placement.OtherTotal other => throw Refuse(StatusCode.Aborted, $"The total is {other.Total} {Money.Currency}."),
            Placement.Refused refused => throw Refuse(StatusCode.FailedPrecondition, refused.Detail),
            var other => throw new InvalidOperationException($"{other} has no answer."),
        };
    }

    public override Task<V1.Order> GetOrder(GetOrderRequest request, ServerCallContext call) => FindAsync(request.OrderId, request.CustomerId, call);

    public override async Task<ListOrdersResponse> ListOrders(ListOrdersRequest request, ServerCallContext call)
    {
        var customer = CustomerOf(request.CustomerId, call);
        var limit = request.PageSize is 0 ? Page.DefaultLimit : request.PageSize;
        if (limit is < 1 or > Page.MaxLimit || (request.PageToken is not "" && !Guid.TryParse(request.PageToken, out _)))
            throw Refuse(StatusCode.InvalidArgument, "page_size or page_token is not valid.");
        var orders = context.Orders.AsNoTracking().Where(order => order.CustomerId == customer);
        if (Guid.TryParse(request.PageToken, out var before))
            orders = orders.Where(order => order.Id < before);
        var page = Page.Of(await orders.OrderByDescending(order => order.Id).Take(limit + 1).ToListAsync(call.CancellationToken), limit, ToMessage, order => order.Id.ToString());
        return new() { Orders = { page.Items }, NextPageToken = page.NextCursor ?? "" };
    }

    public override async Task WatchOrder(GetOrderRequest request, IServerStreamWriter<V1.StatusChange> responseStream, ServerCallContext call)
    {
        var order = await FindAsync(request.OrderId, request.CustomerId, call);
        await foreach (var (_, change) in feed.WatchAsync(Guid.Parse(order.Id), after: 0, call.CancellationToken))
            await responseStream.WriteAsync(ToMessage(change), call.CancellationToken);
    }

    private async Task<V1.Order> FindAsync(string id, string customerId, ServerCallContext call) =>
        await context.FindOrderAsync(id, CustomerOf(customerId, call), call.CancellationToken) is { } order
            ? ToMessage(order)
            : throw Refuse(StatusCode.NotFound, "There is no such order.");

    private static string CustomerOf(string named, ServerCallContext call)
    {
        var user = call.GetHttpContext().User;
        if (!user.IsMeshCall(Scope))
            return user.CustomerId();
        return named is not "" ? named : throw Refuse(StatusCode.InvalidArgument, "customer_id is missing.");
    }

    private static string KeyOf(PlaceOrderRequest request) => request.IdempotencyKey is { Length: >= 1 and <= 255 } key
        ? key
        : throw Refuse(StatusCode.InvalidArgument, "idempotency_key must have 1 to 255 characters.");

    private static OrderRequest ToOrderRequest(PlaceOrderRequest request)
    {
        var address = request.ShippingAddress ?? new();
        AddressRequest to = new(address.Name, address.Line1, address.Line2 is "" ? null : address.Line2, address.City, address.PostalCode, address.Country);
        OrderRequest order = new(to, request.ShippingOption, request.PaymentToken, request.ExpectedTotal is null ? null : Money.FromMessage(request.ExpectedTotal));
        List<ValidationResult> errors = [];
        return Validator.TryValidateObject(to, new(to), errors, validateAllProperties: true) && Validator.TryValidateObject(order, new(order), errors, validateAllProperties: true)
            ? order
            : throw Refuse(StatusCode.InvalidArgument, string.Join(' ', errors.Select(error => error.ErrorMessage)));
    }

    private static V1.Order ToMessage(Data.Order order) => new()
    {
        Id = order.Id.ToString(),
        Status = ToMessage(order.Status),
        Reason = order.Status is OrderStatus.Rejected ? order.Reason ?? "" : "",
        Lines = { order.Lines.Select(line => new Line { ProductId = line.ProductId, Name = line.Name, Quantity = line.Quantity, UnitPrice = line.UnitPrice.ToMessage() }) },
        ItemsTotal = new Money(order.ItemsTotal).ToMessage(),
        ShippingTotal = new Money(order.ShippingTotal).ToMessage(),
        Total = new Money(order.Total).ToMessage(),
        ShippingAddress = order.ShippingAddress.ToMessage(),
        ShippingOption = order.ShippingOption,
        CreatedAt = order.CreatedAt.ToTimestamp(),
        History = { order.History.Select(ToMessage) },
    };

    private static V1.StatusChange ToMessage(Data.StatusChange change) => new() { Status = ToMessage(change.Status), At = change.At.ToTimestamp() };

    private static V1.Status ToMessage(OrderStatus status) => System.Enum.Parse<V1.Status>(status.ToString());

    private static RpcException Refuse(StatusCode code, string detail) => new(new(code, detail));
}
