using Google.Protobuf.WellKnownTypes;
using Grpc.Core;
using Microsoft.AspNetCore.Authorization;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Options;
using ShopMesh.Shipping.Data;
using ShopMesh.Shipping.V1;

namespace ShopMesh.Shipping.Grpc;

/// <summary>Each change is one conditional statement; what it finds changed already, it leaves and answers the same.</summary>
[Authorize(Policies.Mesh)]
internal sealed class ShippingService(ShippingContext context, IOptionsSnapshot<ShippingOptions> options) : V1.Shipping.ShippingBase
{
    public override Task<GetRatesResponse> GetRates(GetRatesRequest request, ServerCallContext call) => Task.FromResult(new GetRatesResponse
    {
        Rates = { options.Value.Rates.Select(rate => new V1.Rate { Id = rate.Id, Name = rate.Name, Price = new Money(rate.Price).ToMessage(), Days = rate.Days }) },
    });

    public override async Task<CreateShipmentResponse> CreateShipment(CreateShipmentRequest request, ServerCallContext call)
    {
        RequireOrder(request.OrderId);
        if (options.Value.Rates.All(rate => rate.Id != request.RateId) || request.Address is not { } address || !CountryCodes.IsAssigned(address.Country))
            throw Refuse(StatusCode.InvalidArgument, "rate_id or address is not valid.");

        var id = Guid.CreateVersion7();
        var (company, trackingNumber) = Carrier.Assign(id);
        await context.Database.ExecuteSqlAsync($"""
            INSERT INTO shipments (order_id, id, status, rate_id, carrier, tracking_number, name, line1, line2, city, postal_code, country, created_at, updated_at)
            VALUES ({request.OrderId}, {id}, 'Created', {request.RateId}, {company}, {trackingNumber},
                {address.Name}, {address.Line1}, {address.Line2}, {address.City}, {address.PostalCode}, {address.Country}, clock_timestamp(), clock_timestamp())
            ON CONFLICT DO NOTHING
            """, call.CancellationToken);
        var shipment = (await FindAsync(request.OrderId, call.CancellationToken))!;
        return shipment.Status is ShipmentStatus.Cancelled
            ? new() { Outcome = CreateShipmentResponse.Types.Outcome.Cancelled }
            : new() { Outcome = CreateShipmentResponse.Types.Outcome.Created, Shipment = ToMessage(shipment) };
    }

    public override async Task<CancelShipmentResponse> CancelShipment(CancelShipmentRequest request, ServerCallContext call)
    {
        RequireOrder(request.OrderId);
        await context.Database.ExecuteSqlAsync($"""
            INSERT INTO shipments (order_id, id, status, created_at, updated_at) VALUES ({request.OrderId}, {Guid.CreateVersion7()}, 'Cancelled', clock_timestamp(), clock_timestamp())
            ON CONFLICT (order_id) DO UPDATE SET status = 'Cancelled', updated_at = clock_timestamp() WHERE shipments.status = 'Created'
            """, call.CancellationToken);
        var shipment = (await FindAsync(request.OrderId, call.CancellationToken))!;
        return shipment.Status is ShipmentStatus.Cancelled ? new() : throw Refuse(StatusCode.FailedPrecondition, "The shipment is on its way.");
    }

    public override async Task<DispatchShipmentResponse> DispatchShipment(DispatchShipmentRequest request, ServerCallContext call)
    {
        RequireOrder(request.OrderId);
        await context.Database.ExecuteSqlAsync($"""
            UPDATE shipments SET status = 'Dispatched', expected_delivery = clock_timestamp() + {options.Value.DeliveryDelay}, updated_at = clock_timestamp()
            WHERE order_id = {request.OrderId} AND status = 'Created'
            """, call.CancellationToken);
        return await FindAsync(request.OrderId, call.CancellationToken) is { Status: not ShipmentStatus.Cancelled } shipment
            ? new() { Shipment = ToMessage(shipment) }
            : throw Refuse(StatusCode.FailedPrecondition, "There is no shipment for this order.");
    }

    public override async Task<GetShipmentsResponse> GetShipments(GetShipmentsRequest request, ServerCallContext call)
    {
        if (request.OrderIds.Count > Page.MaxLimit)
            throw Refuse(StatusCode.InvalidArgument, $"At most {Page.MaxLimit} orders.");
        var orders = request.OrderIds.ToArray();
        // A tombstone for an order that never had a shipment is none.
        var shipments = await context.Shipments.AsNoTracking().Where(shipment => orders.Contains(shipment.OrderId) && shipment.Carrier != null).ToListAsync(call.CancellationToken);
        return new() { Shipments = { shipments.Select(ToMessage) } };
    }

    private Task<Data.Shipment?> FindAsync(string orderId, CancellationToken cancellationToken) =>
        context.Shipments.AsNoTracking().SingleOrDefaultAsync(shipment => shipment.OrderId == orderId, cancellationToken);

    private static V1.Shipment ToMessage(Data.Shipment shipment) => new()
    {
        OrderId = shipment.OrderId,
        Carrier = shipment.Carrier ?? "",
        TrackingNumber = shipment.TrackingNumber ?? "",
        Status = System.Enum.Parse<V1.Shipment.Types.Status>(shipment.Status.ToString()),
        ExpectedDelivery = shipment.ExpectedDelivery?.ToTimestamp(),
    };

    private static void RequireOrder(string id)
    {
        if (id.Length is 0 or > 64)
            throw Refuse(StatusCode.InvalidArgument, "order_id must have 1 to 64 characters.");
    }

    private static RpcException Refuse(StatusCode code, string detail) => new(new(code, detail));
}
